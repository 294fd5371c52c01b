"""Groups of copies as the user gets them: values, a table, and a script that puts the worse aside."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from typing import NamedTuple

from simsearch import tables
from simsearch.copies import CROP, EXACT, RECOLOURED
from simsearch.remote import RemotePath
from simsearch.searching import Hit
from simsearch.versions import BUT

_COLUMNS = (
    "group",
    "best",
    "copy",
    "relation",
    "changes",
    "why the best is better",
    "kept",
    "not there now",
    "equal to",
)

_SCRIPT = """\
#!/bin/sh
# Puts the worse versions of pictures aside, as simsearch found them:
#
#     sh THIS_FILE FOLDER
#
# moves them to FOLDER, each below the path that it had. Name one outside the indexed folders, or the next
# sync takes them up again. Nothing is deleted and nothing overwritten. A file stays where it is unless the
# better one is there and the bytes of both are those that were compared.
# Look through the list first, and take out the lines that you do not agree with. Crops are left alone, as
# they may have been made on purpose, and other lines for the reason at their end: take away their # to move
# these as well.
set -eu
unset CDPATH
to=${1:?name a folder to move the worse versions to}
case $to in /*) ;; *) to=./$to ;; esac
mkdir -p -- "$to"
to=$(cd -- "$to" && pwd)
n=
case $(mv --help 2>&1 || :) in *-n*) n=-n ;; esac

sha() { { sha256sum < "$1" 2>/dev/null || shasum -a 256 < "$1"; } | cut -c1-64; }

leave() { printf 'left: %s (%s)\\n' "$1" "$2" >&2; }

move() { # the worse version, its SHA-256, the better one, its SHA-256
    if [ ! -f "$3" ]; then leave "$1" 'the better one is not there'
    elif [ ! -f "$1" ]; then leave "$1" 'not there'
    elif [ "$1" -ef "$3" ]; then leave "$1" 'it is the same file as the better one'
    elif [ "$(sha "$1")" != "$2" ]; then leave "$1" 'changed meanwhile'
    elif [ "$(sha "$3")" != "$4" ]; then leave "$1" 'the better one changed meanwhile'
    elif [ -e "$to$1" ] || [ -L "$to$1" ]; then leave "$1" 'there is one already where it would go'
    elif ! mkdir -p -- "$(dirname -- "$to$1")" || ! mv $n -- "$1" "$to$1" || [ -e "$1" ]; then
        leave "$1" 'could not be moved'
    fi
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
    sha256
        Of its file, in hexadecimal; empty where it is not known.
    checked
        Whether the files were compared; otherwise only their thumbnails were, as one could not be read.
    equal_to
        Another photo that is not the best, and has the same bytes; None for the first of these.
    stays
        Whether it is to be kept beside another copy, whatever is decided of the best.
    """

    photo: Hit
    relation: str
    changes: tuple[str, ...]
    reason: str
    kept: bool
    size: int
    sha256: str = ""
    checked: bool = True
    equal_to: Hit | None = None
    stays: bool = False

    @property
    def relations(self) -> tuple[str, ...]:
        """What it is to the best, and "exact" where it has the bytes of another."""
        return (self.relation, EXACT) if self.equal_to else (self.relation,)


class CopyGroup(NamedTuple):
    """Files that show the same.

    Attributes
    ----------
    best
        The best of them.
    size
        Bytes of its file.
    copies
        All others, each compared with it.
    sha256
        Of the best's file, in hexadecimal; empty where it is not known.
    """

    best: Hit
    size: int
    copies: tuple[Copy, ...]
    sha256: str = ""


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
            _away(group, copy),
            copy.equal_to and copy.equal_to.path,
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


def _away(group: CopyGroup, copy: Copy) -> str:
    """Say which of the two is not there now, as on an unplugged disk."""
    return " and ".join(word for word, photo in (("best", group.best), ("copy", copy.photo)) if photo.offline)


def _line(group: CopyGroup, copy: Copy) -> str:
    worse, better = (shlex.quote(str(photo.path)) for photo in (copy.photo, group.best))
    move = f"move {worse} {copy.sha256 or '?'} {better} {group.sha256 or '?'}"
    why = _left_alone(group, copy)
    if why is None:
        return move
    # A name with a line break would end the comment.
    return f"# {move}  # {why}" if "\n" not in move and "\r" not in move else f"# {why}: {_comment(move)}"


def _left_alone(group: CopyGroup, copy: Copy) -> str | None:
    """Return why a copy is not moved unless the user takes away the # of its line."""
    if copy.relation == CROP:
        return "a crop"
    if not (copy.sha256 and group.sha256):
        return "its bytes are not known"
    if BUT in copy.reason:
        return "better in another way"
    if copy.stays:
        return "to be kept beside another copy"
    if RECOLOURED in copy.changes:
        return "its colours are others"
    if any(isinstance(photo.path, RemotePath) for photo in (copy.photo, group.best)):
        return "not on a disk"
    if not copy.checked:
        return "only thumbnails were compared"
    if away := _away(group, copy):
        return f"not there when this was written: {away}"
    return None


def _comment(text: str) -> str:
    return text.replace("\n", "?").replace("\r", "?")
