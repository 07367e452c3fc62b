"""What speaks for each kind of sensor fault; `detectors.sensor_fault` weighs it.

A file is one kind of evidence: the fields of state that it keeps for a Datastream, and how strong it is in each bin. Not here:
thresholds, decisions and names.
"""
