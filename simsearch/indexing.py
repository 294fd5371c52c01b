"""A whole run of indexing: several folders, or whatever has changed, into one report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from simsearch import calibration, lessons, ray_pool
from simsearch.encoder import keep_network
from simsearch.errors import FolderError
from simsearch.folders import networks_of
from simsearch.indexes import Indexes
from simsearch.photos import Refused
from simsearch.pool import Examine, examine_all, suitable_workers
from simsearch.remote import RemotePath
from simsearch.report import Report
from simsearch.running import Run, recorded, sole_writer
from simsearch.store import Root, Store
from simsearch.survey import Place, Survey, look, online_disks, plan, plan_changes, survey
from simsearch.sync import Progress, sync
from simsearch.watch import Watch

if TYPE_CHECKING:
    from simsearch.encoder import Encoder

_log = logging.getLogger("simsearch")


class Surveys(NamedTuple):
    """What there is to index, and the report of what could not even be looked at."""

    found: list[Survey]
    report: Report


class Indexer:
    """Brings a library up to date.

    Parameters
    ----------
    encoder
        Gives the network, which may have to be made first.
    workers
        Number of processes; None for as many as suit the machine, or the cluster.
    on
        The Ray cluster where they are, as for :func:`simsearch.ray_pool.address_of`; None for this machine.
    retry
        Whether to look again at files that failed and have not changed since.
    progress
        Called with the number of files done and to do in the current folder.
    """

    def __init__(
        self,
        store: Store,
        indexes: Indexes,
        encoder: Callable[[], Encoder],
        *,
        workers: int | None = None,
        on: str | None = None,
        retry: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self._store = store
        self._folder = store.path.parent
        self._indexes = indexes
        self._encoder = encoder
        self._workers = workers
        self._on = on
        if on:
            ray_pool.check(on)
        self._retry = retry
        self._progress = progress

    def sync(self, folders: Iterable[Path]) -> Report:
        """Take up what folders hold (absolute paths without links)."""
        with sole_writer(self._folder), recorded(self._folder) as run:
            return self._recorded(run, survey_all(self._store, folders))

    def watch(self, folders: Iterable[Path]) -> Iterator[Report]:
        """Take up what folders hold, and then what happens in all that are indexed, for ever."""
        report = self._first_of_watch(list(folders))
        yield report
        for root in self._store.roots():
            if isinstance(root.path, RemotePath):
                _log.warning(
                    "%s cannot be followed; to look for changes there, run: simsearch sync", root.path
                )
        with Watch(lambda: online_disks(self._store)).following() as watch:
            changes = iter(() if report.interrupted else watch.batches())
            for changed in changes:
                if plan_changes(self._store, changed):
                    with sole_writer(self._folder, wait=True):
                        news = self._take_up(changed)
                    if news:
                        yield news
                    if news and news.interrupted:
                        return

    def _first_of_watch(self, folders: list[Path]) -> Report:
        try:
            return self.sync(folders)
        except FolderError as error:
            known = {root.path for root in self._store.roots()}
            if not known or not known.issuperset(folders):
                raise
            return Report(offline=[Refused(str(error.path), error.reason)])  # it may come back

    def _take_up(self, changed: Iterable[Path]) -> Report | None:
        """Look at what changed; return the report if that made a difference."""
        before = self._store.generation
        with recorded(self._folder) as run:
            report = self._recorded(run, survey_changes(self._store, changed))
        return report if report.interrupted or self._store.generation != before else None

    def _recorded(self, run: Run, surveys: Surveys) -> Report:
        def told(done: int, total: int) -> None:
            run.progress(done, total)
            if self._progress:
                self._progress(done, total)

        report = self._index(surveys, told, run.enter)
        report.seconds = run.seconds
        run.state["report"] = report.summary()
        return report

    def take_up(self, paths: Iterable[Path]) -> Report:
        """Examine what is at some paths; for whoever is the sole writer already."""
        return self._index(survey_changes(self._store, paths), self._progress)

    def _index(
        self,
        surveys: Surveys,
        progress: Progress | None,
        enter: Callable[[Path], None] = lambda _: None,
    ) -> Report:
        encoder, report = self._encoder(), surveys.report
        with workforce(self._on, self._workers) as (examine, workers):
            for root, surveyed in self._with_roots(surveys.found, encoder):
                enter(root.path)
                report += sync(
                    self._store,
                    root,
                    surveyed,
                    recipe=encoder.recipe,
                    vector_bytes=2 * encoder.dim,
                    examine=examine,
                    workers=workers,
                    retry=self._retry,
                    progress=progress,
                )
                if report.interrupted:
                    break
        report.missing = self._store.counts()["missing"]
        report.failed.sort()  # workers answer in no order
        try:
            # Whoever stopped it wants it to end, but also to search what is there, in words: where that was
            # never learnt, it is, in seconds. A second Ctrl-C leaves it out; the next run finds what is due.
            if not report.interrupted or calibration.is_lacking(self._store):
                self._learn(encoder)
        except KeyboardInterrupt:
            report.interrupted = True
        return report

    def _learn(self, encoder: Encoder) -> None:
        """Have all ready that a search needs besides the photos."""
        lessons.keep_up(self._store, encoder.dim)
        self._indexes.refresh(encoder.dim)
        calibration.keep_up(self._store, self._indexes, encoder)

    def _with_roots(self, surveys: list[Survey], encoder: Encoder) -> list[tuple[Root, Survey]]:
        """Write down what makes the embeddings, and the folders that are new."""
        store = self._store
        if store.setting("encoder") is None:
            keep_network(encoder, networks_of(self._folder))
        if store.setting("encoder") and all(survey.place.root for survey in surveys):
            return [(survey.place.root, survey) for survey in surveys if survey.place.root]
        with store.transaction():
            store.set_setting("encoder", encoder.identity.to_json())
            return [(survey.place.root or store.add_root(survey.place.base), survey) for survey in surveys]


def workforce(on: str | None, workers: int | None) -> AbstractContextManager[tuple[Examine, int]]:
    """Return what has files examined, on a Ray cluster or this machine, and by how many workers."""
    if on:
        return ray_pool.on_cluster(on, workers)
    return nullcontext((examine_all, workers or suitable_workers()))


def survey_all(store: Store, folders: Iterable[Path]) -> Surveys:
    """Look at folders that somebody named.

    One that cannot be used goes into the report if others can: as offline where it is indexed already.

    Raises
    ------
    FolderError
        When none can be used.
    """
    found, report, problems = [], Report(), []
    for place in plan(store, folders):
        try:
            found.append(survey(store, place))
        except FolderError as error:
            problems.append(error)
            _note_problem(report, place, error)
    if found:
        return Surveys(found, report)
    raise (
        problems[0]
        if problems
        else FolderError("no folder", "the library has none yet", "name a folder of photos")
    )


def survey_changes(store: Store, paths: Iterable[Path]) -> Surveys:
    """Look at files and folders to which something happened."""
    return Surveys([look(place) for place in plan_changes(store, paths)], Report())


def _note_problem(report: Report, place: Place, error: FolderError) -> None:
    known = place.root is not None and "" in place.parts
    refused = Refused(str(error.path), error.reason)
    (report.offline if known else report.failed).append(refused)
