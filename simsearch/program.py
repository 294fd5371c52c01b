"""Parts of this package run as programs of their own, with the same modules as here."""

from __future__ import annotations

import os
import sys


def command(module: str, *arguments: str) -> list[str]:
    """Return what runs a module of this package."""
    # -P: a file called numpy.py in the current folder is not numpy.
    return [sys.executable, "-P", "-m", f"simsearch.{module}", *arguments]


def environment(**settings: str) -> dict[str, str]:
    """Return our own environment with our own search path, and some settings."""
    search_path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    return os.environ | {"PYTHONPATH": search_path} | settings
