"""What of a folder a library has already, file by file, and lists of that to be kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from simsearch import tables
from simsearch.copies import CROP, EXACT, RECOLOURED, RESAVED
from simsearch.errors import WriteError
from simsearch.searching import Hit
from simsearch.versions import BUT

BURST, NEW, UNREADABLE = "burst", "new", "unreadable"
VERDICTS = (EXACT, RESAVED, CROP, BURST, NEW, UNREADABLE)
THIS, THE_LIBRARYS, THE_OTHER = "this file", "the library's", "the other file"


class Known(NamedTuple):
    """A file, and what there is of it already.

    Attributes
    ----------
    path
        The file.
    verdict
        "exact": a photo of the library has equal bytes; "re-saved": one is the same picture, but for its
        size, compression or tones, or how it lies; "crop": one is a part of the other; "burst": one shows the
        same scene, taken shortly before or after by the same camera; "new"; or "unreadable". What another
        file of the folder has as well, and the library has not, is "exact" or "re-saved" too.
    photo
        That photo, or the path of that other file; None where there is none. A photo is ``offline`` where the
        folder that was indexed is away, so that its file could not be looked at.
    better
        Which of two pictures that show the same is better: "this file", "the library's" or, of the folder,
        "the other file"; None where they are as good.
    reason
        Why it is better, how far apart two photos of a burst are, or why a file is unreadable.
    changes
        What was done to the one that is not better, in words.
    """

    path: Path
    verdict: str
    photo: Hit | Path | None = None
    better: str | None = None
    reason: str = ""
    changes: tuple[str, ...] = ()

    @property
    def is_away(self) -> bool:
        """Whether it is about a photo that is not there just now."""
        return isinstance(self.photo, Hit) and self.photo.offline

    @property
    def is_better(self) -> bool:
        """Whether it is worth having although the library has the picture."""
        return self.better == THIS

    @property
    def may_be_better(self) -> bool:
        """Whether it is, or is so in another way than the library's, or has other colours."""
        return self.is_better or BUT in self.reason or RECOLOURED in self.changes


@dataclass(frozen=True)
class Inventory:
    """What of a folder a library has already.

    Attributes
    ----------
    folder
        Without links.
    files
        Every file that looks like a photo, by path.
    skipped
        How many others there are; hidden folders and links to folders count as one each.
    """

    folder: Path
    files: tuple[Known, ...]
    skipped: int

    def of(self, verdict: str) -> list[Known]:
        """Return the files with a verdict."""
        return [file for file in self.files if file.verdict == verdict]

    @property
    def better(self) -> list[Known]:
        """Those of which the library has the picture, but not as good."""
        return [file for file in self.files if file.is_better]

    @property
    def perhaps_better(self) -> list[Known]:
        """These, and those of which it is doubtful; see :attr:`Known.may_be_better`."""
        return [file for file in self.files if file.may_be_better]

    def __str__(self) -> str:
        counts = Counter(file.verdict for file in self.files)
        total = len(self.files) + self.skipped
        parts = [
            f"{counts[EXACT]:,} exact",
            f"{counts[RESAVED]:,} re-saved",
            f"{counts[CROP]:,} {'crop' if counts[CROP] == 1 else 'crops'}",
            f"{counts[BURST]:,} of a burst",
            f"{counts[NEW]:,} new",
            f"{counts[UNREADABLE]:,} unreadable",
            *([f"{self.skipped:,} no photos"] if self.skipped else []),
        ]
        away = sum(file.is_away for file in self.files)
        told = f"; of {away:,} the library's photo is not there just now" if away else ""
        return f"{total:,} {'file' if total == 1 else 'files'}: {', '.join(parts)}{told}"

    def write_csv(self, path: Path) -> None:
        """Write all to a CSV file, in place of what is there.

        Raises
        ------
        WriteError
            When it cannot be written, or has the name of a photo.
        """
        tables.save(path, tables.as_csv((*Known._fields, "offline"), map(_row, self.files)))

    def write_new(self, path: Path, *, null: bool = False) -> None:
        """Write the paths of the new ones below the folder to a file, in place of what is there.

        What else is worth having is listed by :meth:`write_bursts` and :meth:`write_better`. The paths begin
        with "./", so that no name passes for an option or a comment.

        Parameters
        ----------
        null
            Whether a zero byte ends each of them, and not a line break, which may be in a name.

        Raises
        ------
        WriteError
            When it cannot be written or has the name of a photo, or a name in it has a line break and null
            is not wished for; nothing is written then.
        """
        self._write_names(self.of(NEW), path, null)

    def write_bursts(self, path: Path, *, null: bool = False) -> None:
        """Write the paths of those of a burst, as :meth:`write_new` does."""
        self._write_names(self.of(BURST), path, null)

    def write_better(self, path: Path, *, null: bool = False) -> None:
        """Write the paths of those that are or may be better, as :meth:`write_new` does."""
        self._write_names(self.perhaps_better, path, null)

    def _write_names(self, files: list[Known], path: Path, null: bool) -> None:
        names = [f"./{file.path.relative_to(self.folder).as_posix()}" for file in files]
        if not null and (broken := sum("\n" in name or "\r" in name for name in names)):
            reason = f"not written, as {broken:,} of the names {'has' if broken == 1 else 'have'} line breaks"
            raise WriteError(path, reason, "end names with zero bytes: --null")
        end = "\0" if null else "\n"
        tables.save(path, "".join(name + end for name in names).encode())


def _row(file: Known) -> list[object]:
    photo = file.photo.path if isinstance(file.photo, Hit) else file.photo
    offline = ("yes" if file.is_away else "no") if isinstance(file.photo, Hit) else ""
    return [file.path, file.verdict, photo, file.better, file.reason, "; ".join(file.changes), offline]
