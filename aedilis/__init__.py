"""The vocabulary that every room shares.

Here belong: names and shapes of things that cross a room's border (records, the frame, identities, topics,
metric names, settings, errors) and the command line. Not here: anything that talks to a broker or a database,
and anything that only one room needs.
"""
