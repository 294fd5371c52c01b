"""What is wrong with a library, told to a person, and mended where that can be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from simsearch import albums, calibration, clusters, lessons, maps
from simsearch.backbones import BACKBONES, EMBEDDED
from simsearch.checks import Finding, Problem, examine_database, examine_files, examine_learnt, examine_rows
from simsearch.clustering import Clustering
from simsearch.encoder import EncoderIdentity, network_path
from simsearch.folders import networks_of
from simsearch.indexes import Indexes
from simsearch.photo_checks import Progress, examine_photos
from simsearch.reach import is_gone, there
from simsearch.store import Row, Store
from simsearch.survey import online

if TYPE_CHECKING:
    from simsearch.encoder import Encoder
    from simsearch.report import Report

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
        self._network = _network(store, backbone)
        self._encoder = encoder
        self._progress = progress

    def check(self) -> list[Finding]:
        """Say what is wrong; nothing is changed."""
        if damage := examine_database(self._store):
            return [self._wrong(problem) for problem in damage]
        files = self._files()
        usable = not any(self._network in problem.files for problem in files)
        encoder = self._encoder() if usable else None
        learnt = examine_learnt(self._store, encoder.dim if encoder else None) + self._meaning()
        rows, photos = self._rows_and_photos(encoder)
        examples = self._examples(encoder.dim) if encoder else []
        return [self._wrong(problem) for problem in (*files, *learnt, *rows, *photos, *examples)]

    def mend(self, take_up: Callable[[Iterable[Path]], Report]) -> list[Finding]:
        """Mend what can be, and say what was and what is still wrong.

        Parameters
        ----------
        take_up
            Examines the files at some paths.
        """
        if damage := examine_database(self._store):
            return [self._wrong(problem) for problem in damage]
        files = self._files()
        _delete(files)
        encoder = self._encoder()
        rows, photos = self._rows_and_photos(encoder)
        here = self._reachable(photos)
        self._clear(rows, photos, here)
        learnt = examine_learnt(self._store, encoder.dim)
        relearnt = [Finding(problem.what, self._start_anew(encoder.dim), True) for problem in learnt]
        relearnt += [Finding(problem.what, "learnt anew", True) for problem in self._meaning()]
        # Those that were encoded anew to be checked come last, and are to be so again.
        touched = [
            photo_id for problem in reversed(photos) for photo_id in problem.photos if photo_id in here
        ]
        if touched:
            if take_up([row.path for row in self._store.rows(touched).values()]).interrupted:
                raise KeyboardInterrupt
        elif files or learnt:
            self._indexes.refresh(encoder.dim)
        calibration.keep_up(self._store, self._indexes, encoder)  # in a space that is new, too
        return relearnt + self._compared(files, rows, photos, touched) + self._mended_examples(encoder)

    def _reachable(self, photos: list[Problem]) -> set[int]:
        """Return the photos that may be cleared.

        Their file is there, or what is damaged is of no use anyway: something is better than nothing.
        """
        ids = [photo_id for problem in photos for photo_id in problem.photos]
        rows = self._store.rows(ids).values()
        useless = {photo_id for problem in photos if problem.useless for photo_id in problem.photos}
        return useless | {row.id for row in rows if row.path in there(row.root, [row.path])}

    def _files(self) -> list[Problem]:
        folder = self._store.path.parent
        made = [*self._indexes.files(), (folder / clusters.FILE_NAME, Clustering.load), *maps.files(folder)]
        return list(examine_files(self._store, self._indexes, made, self._network))

    def _rows_and_photos(self, encoder: Encoder | None) -> tuple[list[Problem], list[Problem]]:
        rows = list(examine_rows(self._store))
        return rows, examine_photos(self._store, encoder, progress=self._progress)

    def _clear(self, rows: list[Problem], photos: list[Problem], here: set[int]) -> None:
        """Take away what is of no use, so that it is made anew."""
        if not here and not any(problem.rows for problem in rows):
            return
        with self._store.transaction():
            self._store.tidy()
            for problem in photos:
                self._store.doubt(here.intersection(problem.photos), problem.drop)

    def _meaning(self) -> list[Problem]:
        """Return what is wrong with what is known of scores."""
        reason = calibration.fault(self._store)
        return [Problem(f"what scores mean cannot be used ({reason})")] if reason else []

    def _examples(self, dim: int) -> list[Problem]:
        """Return what is wrong with the examples of albums."""
        count = len(albums.damaged(self._store, dim))
        told = f"{count:,} {'example' if count == 1 else 'examples'}"
        return [Problem(f"of {told} of albums the embedding is damaged")] if count else []

    def _mended_examples(self, encoder: Encoder) -> list[Finding]:
        before = self._examples(encoder.dim)
        albums.mend(self._store, encoder)
        after = self._examples(encoder.dim)
        lost = [Finding(problem.what, "take them back on the page Albums", False) for problem in after]
        return lost or [Finding(problem.what, "made anew", True) for problem in before]

    def _start_anew(self, dim: int) -> str:
        """Drop what was learnt, learn it anew where nobody need be asked, and say which it was."""
        was = lessons.start_anew(self._store, dim)
        if was["lesson"] != "folders":
            return "learnt anew from the photos"
        labels = " --labels FILE" if was["labels"] else ""
        return f"dropped; to learn it anew, run: simsearch learn folders{labels}"

    def _compared(
        self, files: list[Problem], rows: list[Problem], photos: list[Problem], touched: list[int]
    ) -> list[Finding]:
        """Look again at what was wrong; say what of it is mended."""
        findings = []
        bad_files = {path for problem in self._files() for path in problem.files}
        for problem in files:
            left = bad_files & {*problem.files}
            findings.append(self._wrong(problem) if left else Finding(problem.what, "deleted", True))
        bad_rows = any(problem.rows for problem in examine_rows(self._store))
        for problem in rows:
            mended = problem.rows and not bad_rows
            findings.append(Finding(problem.what, "put right", True) if mended else self._wrong(problem))
        again = examine_photos(self._store, self._encoder(), only=touched) if touched else []
        bad_photos = {photo_id for problem in again for photo_id in problem.photos}
        bad_photos |= {photo_id for problem in photos for photo_id in problem.photos} - {*touched}
        for problem in photos:
            findings += self._outcome(problem, bad_photos) if problem.photos else [self._wrong(problem)]
        return findings

    def _outcome(self, problem: Problem, bad: set[int]) -> list[Finding]:
        """Say which of the photos with one thing wrong are mended, and what is in the way of the others."""
        mended = [photo_id for photo_id in problem.photos if photo_id not in bad]
        findings = [Finding(self._described(problem.what, mended), _ANEW, True)] if mended else []
        obstacles: dict[tuple[str, str], list[int]] = {}
        reasons = dict(self._store.all_failures())
        rows = self._store.rows(photo_id for photo_id in problem.photos if photo_id in bad)
        for photo_id, row in rows.items():
            obstacles.setdefault(self._obstacle(row, reasons, problem.useless), []).append(photo_id)
        lost = problem.useless and problem.drop == "embeddings"
        unfound = "; until then they are not found" if lost else ""
        for (obstacle, remedy), ids in obstacles.items():
            what = f"{self._described(problem.what, ids)}, and {obstacle}"
            findings.append(Finding(what, f"{remedy}{unfound}", False))
        return findings

    def _obstacle(self, row: Row, reasons: dict[Path, str], useless: bool) -> tuple[str, str]:
        """Return why a photo could not be mended, and what a person can do."""
        then = "simsearch sync" if useless else "simsearch doctor --repair"
        if row.root not in online(self._store):
            return "their folder is offline", f"connect its disk and run: {then}"
        if is_gone(row.path):
            return (
                "their files are gone",
                f"bring them back and run: {then}; or drop them: simsearch sync --prune",
            )
        if reason := reasons.get(row.path):
            return (
                f"their files cannot be used ({reason})",
                "restore them from a backup and run: simsearch sync",
            )
        return (
            "their files give the same again",
            "look at the files, and try simsearch doctor --repair once more",
        )

    def _wrong(self, problem: Problem) -> Finding:
        what = self._described(problem.what, problem.photos) if problem.photos else problem.what
        return Finding(what, problem.remedy, False)

    def _described(self, what: str, ids: list[int] | tuple[int, ...]) -> str:
        """Say what photos have, how many they are, and which."""
        names = [str(row.path) for row in self._store.rows(ids[:_NAMES]).values()]
        more = [f"{len(ids) - _NAMES:,} more"] if len(ids) > _NAMES else []
        count = "1 photo has" if len(ids) == 1 else f"{len(ids):,} photos have"
        return f"{count} {what} ({', '.join(names + more)})"


def _delete(problems: Iterable[Problem]) -> None:
    for problem in problems:
        for path in problem.files:
            with suppress(OSError):  # whether it is gone is looked at afterwards
                path.unlink()


def _network(store: Store, backbone: str) -> Path | None:
    """Return where a library's network is kept; None where it has none yet that could be."""
    if stored := store.setting("encoder"):
        return network_path(EncoderIdentity.from_json(stored), networks_of(store.path.parent))
    if backbone in EMBEDDED:
        return network_path(EncoderIdentity(backbone, BACKBONES[backbone].hash))
    return None
