"""What was decided while the line runs, and how every process comes to know it: topics that keep the latest of each key.

`log` reads such a topic and writes to it. `types` says which sensor types are in force and which versions ever were,
`changes` what a new version changes, `commands` is `aedilis types`. Not here: how a type reads a message (`sensors`), what
a process does with a new version (its own room).
"""
