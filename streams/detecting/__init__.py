"""What the detect role does with frames: rows, clocks, bins, detectors, anomalies. It knows neither Kafka nor Faust.

`engine` is the way in; commands that run the detectors over files, recorded traffic or stored history use it too. Not here: where
frames come from, when a checkpoint is written and where to.
"""
