"""What several detectors are made of, or one that would be too long in one file: memories, peers, tests of money.

Not here: what all detectors share (`detectors.core`), and anything that finds by itself.
"""
