"""What is wrong with a library, told to a person, and mended where that can be done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from simsearch.backbones import BACKBONES
from simsearch.encoder import network_path
from simsearch.health import Ailment, Finding, examine_database, examine_files, examine_rows
from simsearch.indexes import Indexes
from simsearch.indexing import Found, find_changes
from simsearch.soundness import Progress, examine_photos
from simsearch.store import Row, Store
from simsearch.survey import is_online

if TYPE_CHECKING:
    from simsearch.encoder import Encoder

_NAMES = 3  # of photos that have one thing in common
_ANEW = "made anew from their files"


class Doctor:
    """Looks at a library and mends it.

    Parameters
    ----------
    backbone
        Name of the library's network.
    encoder
        Gives the network, making its file anew where there is none.
    """

    def __init__(
        self,
        store: Store,
        indexes: Indexes,
        backbone: str,
        encoder: Callable[[], Encoder],
        progress: Progress | None,
    ) -> None:
        self._store = store
        self._indexes = indexes
        self._network = network_path(backbone) if backbone in BACKBONES else None
        self._encoder = encoder
        self._progress = progress

    def check(self) -> list[Finding]:
        """Say what is wrong; nothing is changed."""
        if damage := examine_database(self._store):
            return [self._wrong(ailment) for ailment in damage]
        files = self._files()
        usable = not any(self._network in ailment.files for ailment in files)
        rows, photos = self._rows_and_photos(self._encoder() if usable else None)
        return [self._wrong(ailment) for ailment in (*files, *rows, *photos)]

    def mend(self, index: Callable[[Found], object]) -> list[Finding]:
        """Mend what can be, and say what was and what is still wrong.

        Parameters
        ----------
        index
            Indexes what was found to have changed.
        """
        if damage := examine_database(self._store):
            return [self._wrong(ailment) for ailment in damage]
        files = self._files()
        _delete(files)
        encoder = self._encoder()
        rows, photos = self._rows_and_photos(encoder)
        self._clear(rows, photos)
        # Those that were encoded anew to be checked come last, and are to be so again.
        touched = [photo_id for ailment in reversed(photos) for photo_id in ailment.photos]
        if touched:
            places = [row.path for row in self._store.rows(touched).values()]
            index(find_changes(self._store, places))
        elif files:
            self._indexes.refresh(encoder.dim)
        return self._compared(files, rows, photos, touched)

    def _files(self) -> list[Ailment]:
        return list(examine_files(self._store, self._indexes, self._network))

    def _rows_and_photos(self, encoder: Encoder | None) -> tuple[list[Ailment], list[Ailment]]:
        rows = list(examine_rows(self._store))
        return rows, examine_photos(self._store, encoder, progress=self._progress)

    def _clear(self, rows: list[Ailment], photos: list[Ailment]) -> None:
        """Take away what is of no use, so that it is made anew."""
        if not any(ailment.rows or ailment.photos for ailment in (*rows, *photos)):
            return
        with self._store.transaction():
            self._store.tidy()
            for ailment in photos:
                self._store.doubt(ailment.photos, ailment.drop)

    def _compared(
        self, files: list[Ailment], rows: list[Ailment], photos: list[Ailment], touched: list[int]
    ) -> list[Finding]:
        """Look again at what was wrong; say what of it is mended."""
        findings = []
        bad_files = {path for ailment in self._files() for path in ailment.files}
        for ailment in files:
            left = bad_files & {*ailment.files}
            findings.append(self._wrong(ailment) if left else Finding(ailment.what, "deleted", True))
        bad_rows = any(ailment.rows for ailment in examine_rows(self._store))
        for ailment in rows:
            mended = ailment.rows and not bad_rows
            findings.append(Finding(ailment.what, "put right", True) if mended else self._wrong(ailment))
        again = examine_photos(self._store, self._encoder(), only=touched) if touched else []
        bad_photos = {photo_id for ailment in again for photo_id in ailment.photos}
        for ailment in photos:
            findings += self._outcome(ailment, bad_photos) if ailment.photos else [self._wrong(ailment)]
        return findings

    def _outcome(self, ailment: Ailment, bad: set[int]) -> list[Finding]:
        """Say which of the photos with one thing wrong are mended, and what is in the way of the others."""
        mended = [photo_id for photo_id in ailment.photos if photo_id not in bad]
        findings = [Finding(self._problem(ailment.what, mended), _ANEW, True)] if mended else []
        obstacles: dict[tuple[str, str], list[int]] = {}
        reasons = dict(self._store.all_failures())
        rows = self._store.rows(photo_id for photo_id in ailment.photos if photo_id in bad)
        for photo_id, row in rows.items():
            obstacles.setdefault(_obstacle(row, reasons), []).append(photo_id)
        unfound = "; until then they are not found" if ailment.drop == "embeddings" else ""
        for (obstacle, remedy), ids in obstacles.items():
            problem = f"{self._problem(ailment.what, ids)}, and {obstacle}"
            findings.append(Finding(problem, f"{remedy}{unfound}", False))
        return findings

    def _wrong(self, ailment: Ailment) -> Finding:
        problem = self._problem(ailment.what, ailment.photos) if ailment.photos else ailment.what
        return Finding(problem, ailment.remedy, False)

    def _problem(self, what: str, ids: list[int] | tuple[int, ...]) -> str:
        """Say what photos have, how many they are, and which."""
        names = [str(row.path) for row in self._store.rows(ids[:_NAMES]).values()]
        more = [f"{len(ids) - _NAMES:,} more"] if len(ids) > _NAMES else []
        count = "1 photo has" if len(ids) == 1 else f"{len(ids):,} photos have"
        return f"{count} {what} ({', '.join(names + more)})"


def _delete(ailments: Iterable[Ailment]) -> None:
    for ailment in ailments:
        for path in ailment.files:
            with suppress(OSError):  # whether it is gone is looked at afterwards
                path.unlink()


def _obstacle(row: Row, reasons: dict[Path, str]) -> tuple[str, str]:
    """Return why a photo could not be mended, and what a person can do."""
    if not is_online(row.root):
        return "their folder is offline", "connect its disk and run: simsearch sync"
    if not os.path.lexists(row.path):
        return (
            "their files are gone",
            "bring them back and run: simsearch sync; or drop them: simsearch sync --prune",
        )
    if reason := reasons.get(row.path):
        return f"their files cannot be used ({reason})", "restore them from a backup and run: simsearch sync"
    return "their files give the same again", "look at the files, and try simsearch doctor --repair once more"
