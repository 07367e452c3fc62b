"""Sensor types: one TOML file each, in `types`, and what reads them.

`declaration` is the form of the file and collects all its faults, `registry` finds the files, `compile` turns a
declaration into what reads messages, once: `device` reads those of one Thing into the columns of a `batch`, with
`payload` for bytes and names, `times` for times, `values` for one value, `layout` for a record of plain numbers at once,
and `judge` tells of thousands what they are worth. `examples` asks whether a type does what its file says. A new sensor
type is a new file in `types`, or in the folder `AEDILIS_SENSOR_TYPES`. Not here: brokers, history, anything that needs more than
one message.
"""
