"""`aedilis detect`: what the detectors find in a file.

`rows` reads the file, in the forms of time that `times` knows; `series` makes Datastreams and frames of it; `forms` says which
detectors watch a file that names no sensor type, `pipeline` those of a sensor type; `run` hands the frames to the engine;
`write` puts scores and anomalies into files, `words` says what was done.
"""
