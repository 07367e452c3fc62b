"""Local servers and processes for `make run`: fetch, configure, start, guard, stop.

`fetch` gets the servers' programs, `servers` configures each, `guard` sees that nothing outlives its parent,
`supervisor` keeps processes running, `commands` is the command line. Not here: what the processes do.
"""
