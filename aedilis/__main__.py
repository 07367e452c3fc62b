"""`python -m aedilis` is the command `aedilis`."""

from aedilis.cli import main

main()
