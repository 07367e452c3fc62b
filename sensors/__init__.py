"""Sensor types: one TOML file each, and what reads them.

`declaration` is the form of the file and collects all its faults, `registry` finds the files, `compile` turns a
declaration into functions once, so that reading a message costs little: `payload` reads bytes and names, `times`
times, `values` values. A new sensor type is a new file here, or in the folder `AEDILIS_SENSOR_TYPES`. Not here:
brokers, history, anything that needs more than one message.
"""
