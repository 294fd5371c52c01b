"""The scripts and styles of the page's components, read once."""

from __future__ import annotations

import functools
from pathlib import Path


@functools.cache
def text(name: str) -> str:
    """Return the text of a file that lies beside this one, such as "grid.js"."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
