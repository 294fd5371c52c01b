"""Batch indexing for cron: ``python scripts/index_photos.py ~/Pictures --library index``.

The same pipeline as ``simsearch index``. Exit code 0: all files are indexed, but for those that failed
before; 1: some could not be used, the report names them; 2: it could not run; 130: it was interrupted, and
continues where it stopped.
"""

import sys

from simsearch.cli import run

if __name__ == "__main__":
    sys.argv.insert(1, "index")
    run()
