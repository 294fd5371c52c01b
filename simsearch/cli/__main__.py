"""``python -m simsearch.cli``."""

from simsearch.cli import run

run()
