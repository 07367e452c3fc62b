"""Detection algorithms: numpy only, no I/O, no clock; one algorithm a file, found by scanning this folder.

A detector scores observations; what all share stands in `detectors.core`. State is a structured array with one row a
Datastream, or a Thing, or a zone's property. Not here: where observations come from and where anomalies go.
"""
