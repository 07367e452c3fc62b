"""Sensor types: one TOML file each, in `types`, and what reads them.

From text to type: `declaration` is the form of the file, `agreement` asks whether its parts agree, `faults` tells all that
is wrong with lines, `parsing` joins them; `registry` finds the files, `schema` tells editors the form. `template`, `paths`,
`expression`, `units` and `timeforms` are the languages inside.

From bytes to columns: `formats` turn a message into records (`format` says what a format is), `compile` makes a declaration
into what reads them, once; `gateway` finds the Things of a message, `device` reads those of one Thing into the columns of a
`batch`, with `payload` for bytes and names, `times` for times, `values` and `derive` for one value, `layout` for a record at
once, and `judge` tells of thousands what they are worth.

From samples to a type: `infer` proposes, `preview` shows what samples would become, `examples` asks whether a type does what
its file says. A new sensor type is a new file in `types`, or in the folder `AEDILIS_SENSOR_TYPES`; a new payload format one in
`formats`. Not here: brokers, history, anything that needs more than one message but for what a device announced.
"""
