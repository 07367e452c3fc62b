"""What an operator handles: the life of an alert, and the channels that tell of it.

`lifecycle` turns anomalies into alerts, `delivery` decides what is told and tries again, `notifiers/` holds one
channel a file. Not here: the log and the tables, which `streams` and `storage` keep.
"""
