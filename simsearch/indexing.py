"""A whole run of indexing: several folders, or whatever has changed, into one report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from simsearch.errors import FolderError
from simsearch.photos import Refused
from simsearch.report import Report
from simsearch.store import Root, Store
from simsearch.survey import Survey, look, plan, plan_changes, survey
from simsearch.sync import Progress, sync

if TYPE_CHECKING:
    from simsearch.encoder import Encoder


class Found(NamedTuple):
    """What there is to index, and the report of what could not even be looked at."""

    surveys: list[Survey]
    report: Report


def find(store: Store, folders: Iterable[Path]) -> Found:
    """Look at folders that somebody named.

    One that cannot be used goes into the report if others can: as offline where it is indexed already.

    Raises
    ------
    FolderError
        When none can be used.
    """
    surveys, report, problems = [], Report(), []
    for place in plan(store, folders):
        try:
            surveys.append(survey(store, place))
        except FolderError as error:
            problems.append(error)
            known = place.root is not None and "" in place.parts
            refused = Refused(str(error.path), error.reason)
            (report.offline if known else report.failed).append(refused)
    if surveys:
        return Found(surveys, report)
    raise (
        problems[0]
        if problems
        else FolderError("no folder", "the library has none yet", "name a folder of photos")
    )


def find_changes(store: Store, paths: Iterable[Path]) -> Found:
    """Look at files and folders to which something happened."""
    return Found([look(place) for place in plan_changes(store, paths)], Report())


def index(
    store: Store,
    found: Found,
    encoder: Encoder,
    *,
    workers: int,
    retry: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Bring the store up to date with what was found; see :func:`simsearch.sync.sync`."""
    report = found.report
    for root, surveyed in _settle_roots(store, found.surveys, encoder):
        report += sync(
            store,
            root,
            surveyed,
            recipe=encoder.recipe,
            vector_bytes=2 * encoder.dim,
            workers=workers,
            retry=retry,
            progress=progress,
        )
        if report.interrupted:
            break
    report.missing = store.counts()["missing"]
    report.failed.sort()  # workers answer in no order
    return report


def _settle_roots(store: Store, surveys: list[Survey], encoder: Encoder) -> list[tuple[Root, Survey]]:
    """Write down what makes the embeddings, and the folders that are new."""
    if store.setting("encoder") and all(survey.place.root for survey in surveys):
        return [(survey.place.root, survey) for survey in surveys if survey.place.root]
    with store.transaction():
        store.set_setting("encoder", encoder.identity.to_json())
        return [(survey.place.root or store.add_root(survey.place.base), survey) for survey in surveys]
