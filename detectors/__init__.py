"""Detection algorithms: numpy only, no I/O, no clock; one algorithm a file, found by scanning this folder.

A detector scores observations; `decision` turns scores into intervals; `explain` says in words what was found. State
is a structured array with one row a Datastream. Not here: where observations come from and where anomalies go.
"""
