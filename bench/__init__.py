"""`aedilis bench`: how fast the line is, beside a plain Faust app and the raw limits of its servers, in the same run.

`commands` is the command line and the order of the sections; a section is a file that measures one thing and returns
figures of `figures`. `machine` says where it ran, `installation` starts servers and lines of its own, `load`
publishes. Not here: tests of what is right; only that nothing was lost is checked, because a rate of lost observations
would be no rate. Nobody imports this room.
"""
