"""What all detectors share: their interface, how they are found, and how scores become anomalies with words.

Not here: any algorithm; each is a file of `detectors`.
"""
