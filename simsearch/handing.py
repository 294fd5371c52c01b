"""Groups of copies as the user gets them: values, a table, and a script that puts the worse aside."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from typing import NamedTuple

from simsearch import tables
from simsearch.copies import CROP, EXACT
from simsearch.searching import Hit

_COLUMNS = ("group", "best", "copy", "relation", "changes", "why the best is better", "kept")

_SCRIPT = """\
#!/bin/sh
# Puts the worse versions of pictures aside, as simsearch found them:
#
#     sh THIS_FILE FOLDER
#
# moves them to FOLDER, each below the path that it had. Nothing is deleted and nothing overwritten. A file
# stays where it is unless the better one is there and both are as they were when they were compared.
# Look through the list first, and take out the lines that you do not agree with. Crops are left alone, as
# they may have been made on purpose: take away their # to move them as well.
set -eu
to=${1:?name a folder to move the worse versions to}
mkdir -p -- "$to"
to=$(cd -- "$to" && pwd)

bytes() { wc -c < "$1" | tr -d ' '; }

leave() { printf 'left: %s (%s)\\n' "$1" "$2" >&2; }

move() { # the worse version, its bytes, the better one, its bytes
    if [ ! -f "$3" ]; then leave "$1" 'the better one is not there'
    elif [ ! -f "$1" ]; then leave "$1" 'not there'
    elif [ "$1" -ef "$3" ]; then leave "$1" 'it is the same file as the better one'
    elif [ "$(bytes "$1")" != "$2" ] || [ "$(bytes "$3")" != "$4" ]; then leave "$1" 'changed meanwhile'
    elif [ -e "$to$1" ]; then leave "$1" 'there is one already where it would go'
    else mkdir -p -- "$(dirname -- "$to$1")" && mv -- "$1" "$to$1"
    fi
}

exact() { # the same: only if their bytes are equal
    if cmp -s -- "$1" "$3"; then move "$@"; else leave "$1" 'the bytes are not equal'; fi
}

"""


class Copy(NamedTuple):
    """A photo that shows the same as a better one.

    Attributes
    ----------
    photo
        The photo.
    relation
        "exact": equal bytes; "re-saved": the same picture, but for its size, compression or tones, or how it
        lies; or "crop": a part of it.
    changes
        What was done to it, in words, such as "scaled to 25%" or "mirrored".
    reason
        Why the other is better.
    kept
        Whether the user decided to keep both.
    size
        Bytes of its file.
    checked
        Whether the files were compared; otherwise only their thumbnails were, as one could not be read.
    """

    photo: Hit
    relation: str
    changes: tuple[str, ...]
    reason: str
    kept: bool
    size: int
    checked: bool = True


class CopyGroup(NamedTuple):
    """Files that show the same: the best, the bytes of its file, and all others, each compared with it."""

    best: Hit
    size: int
    copies: tuple[Copy, ...]


def as_csv(groups: Iterable[CopyGroup]) -> bytes:
    """Return groups of copies as a table, one line a copy."""
    rows = (
        (
            number,
            group.best.path,
            copy.photo.path,
            copy.relation,
            ", ".join(copy.changes),
            copy.reason,
            "yes" if copy.kept else "no",
        )
        for number, group in enumerate(groups, 1)
        for copy in group.copies
    )
    return tables.as_csv(_COLUMNS, rows)


def as_script(groups: Iterable[CopyGroup]) -> bytes:
    """Return a shell script that moves the worse versions to a folder, but for those that are to be kept."""
    blocks = []
    for group in groups:
        lines = [_line(group, copy) for copy in group.copies if not copy.kept]
        if lines:
            blocks.append("\n".join([f"# better: {_comment(str(group.best.path))}", *lines]) + "\n")
    return os.fsencode(_SCRIPT + "\n".join(blocks))


def _line(group: CopyGroup, copy: Copy) -> str:
    worse, better = (shlex.quote(str(photo.path)) for photo in (copy.photo, group.best))
    move = f"{'exact' if copy.relation == EXACT else 'move'} {worse} {copy.size} {better} {group.size}"
    if copy.relation != CROP:
        return move
    # A name with a line break would end the comment.
    return f"# {move}" if "\n" not in move and "\r" not in move else f"# a crop: {_comment(move)}"


def _comment(text: str) -> str:
    return text.replace("\n", "?").replace("\r", "?")
