"""`aedilis backtest`: what versions of a sensor type find in stored history.

`watch` watches the same Observations as one version would, `compare` sets two of these side by side, `words` says it.
"""
