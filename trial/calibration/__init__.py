"""`aedilis calibrate`: what scores mean, by simulated cities whose truth is known.

`city` runs the detectors over one, `labels` says which anomalies are true, `reliability` fits a line and tells how good it is;
what the line does stands in `detectors.core.calibration`.
"""
