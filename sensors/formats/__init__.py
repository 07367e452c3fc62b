"""Payload formats, one file each: the bytes of a message become records. `sensors/format.py` says what a format is.

Not here: what a field means, its unit or range (the sensor type says it), and anything that needs a broker.
"""
