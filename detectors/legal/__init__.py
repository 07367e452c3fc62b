"""Limits that laws and standards set: a dated, versioned file each, and what reads it. Detectors get them as parameters."""
