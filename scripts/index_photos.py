"""Batch indexing for cron: ``python scripts/index_photos.py ~/Pictures --library index``.

The same pipeline as ``simsearch index``. Exit code 0: all files are indexed; 1: some could not be used,
the report names them; 2: it could not run; 130: it was interrupted, and continues where it stopped.
"""

import sys

from simsearch.cli import main

if __name__ == "__main__":
    sys.exit(main(["index", *sys.argv[1:]]))
