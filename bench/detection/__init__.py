"""`aedilis bench detectors`: how well the detectors find what is labelled, and how fast.

`nab` scores by the rule of the Numenta Anomaly Benchmark, `injection` puts labelled faults into real series, `scoring` holds what
was found against labels, `baselines` are simple detectors and river's to hold ours against, `speed` counts Observations a
second; `sections` runs them and `sheets` makes tables of the figures. What is measured is `aedilis detect`. Data are read
from a folder, none are kept here.
"""
