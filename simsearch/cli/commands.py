"""The commands, each under its own name; they take parsed options and return an exit code."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simsearch.cli.terminal import (
    COULD_NOT_RUN,
    INTERRUPTED,
    NAMES_SHOWN,
    NOT_WELL,
    OK,
    ProgressBar,
    agreed,
    complain,
    counted,
    is_terminal,
    print_refused,
    printable,
)

if TYPE_CHECKING:
    from simsearch import Hit, Library, Report

_FILTERS = ("under", "since", "until", "camera", "min_size")


def _open(options: argparse.Namespace) -> Library:
    """Open a library that must be there already."""
    from simsearch import Library

    return Library.open(options.library, create=False, lsh_storage=getattr(options, "lsh_storage", None))


# Indexing


def index(options: argparse.Namespace) -> int:
    """Index folders, and follow them where that is wished for."""
    from simsearch import FolderError, Library

    create = bool(options.folders)  # without folders there must be a library that knows some
    if create and not any(os.path.exists(os.path.expanduser(folder)) for folder in options.folders):
        # Before a library is made for nothing.
        remedy = "check the spelling, and that its disk is connected"
        raise FolderError(options.folders[0], "no such folder", remedy)
    with Library.open(options.library, backbone=options.backbone, create=create) as library:
        if options.watch:
            return _watch(library, options)
        return _run(library, options.folders, options)


def _watch(library: Library, options: argparse.Namespace) -> int:
    with ProgressBar() as bar:
        reports = library.watch(
            *options.folders,
            workers=options.workers,
            retry_failed=options.retry_failed,
            progress=bar.update,
        )
        try:
            for number, report in enumerate(reports):
                bar.close()
                _print_report(library, report, options.verbose)
                if report.interrupted:
                    return INTERRUPTED
                if not number:
                    complain("watching all folders of the library; Ctrl-C ends it")
        except KeyboardInterrupt:
            complain("no longer watching")
    return OK


def _run(library: Library, folders: Iterable[str], options: argparse.Namespace) -> int:
    with ProgressBar() as bar:
        report = library.sync(
            *folders, workers=options.workers, retry_failed=options.retry_failed, progress=bar.update
        )
    _print_report(library, report, options.verbose)
    if report.interrupted:
        return INTERRUPTED
    return NOT_WELL if len(report.failed) > len(report.failed_before) else OK


def _print_report(library: Library, report: Report, verbose: bool) -> None:
    print_refused("skipped", report.skipped, limit=None if verbose else NAMES_SHOWN)
    before = set(report.failed_before)
    print_refused("failed", (refused for refused in report.failed if refused not in before))
    if before:
        print(f"failed  {counted(len(before), 'file')} as before (simsearch status --failed names them)")
    print_refused("offline", report.offline)
    print(report)
    print(f"{counted(len(library), 'photo')} can be searched in {printable(library.path)}", flush=True)


def sync(options: argparse.Namespace) -> int:
    """Bring all indexed folders up to date; drop what is gone where that is wished for."""
    with _open(options) as library:
        code = _run(library, [], options)
        if not options.prune or code == INTERRUPTED:
            return code
        gone = library.missing(prunable=True)
        limit = None if options.verbose else NAMES_SHOWN
        print_refused("gone", ((path, "its file is no longer there") for path in gone), limit=limit)
        if not gone:
            print("no photo is gone")
        elif agreed(f"Drop what is known of {counted(len(gone), 'photo')}?", yes=options.yes):
            print(f"{counted(library.prune(gone), 'photo')} dropped from the library")
        elif not is_terminal():
            return COULD_NOT_RUN
        return code


def forget(options: argparse.Namespace) -> int:
    """Drop what is known of a photo or a folder."""
    with _open(options) as library:
        count = counted(library.forget(options.path, dry_run=True), "photo")
        where = printable(options.path)
        print(f"{count} at or below {where} will be dropped from the library; no file is touched.")
        if not agreed("Drop them?", yes=options.yes):
            return OK if is_terminal() else COULD_NOT_RUN
        before = set(library.roots())
        print(f"{counted(library.forget(options.path), 'photo')} dropped from the library")
        for root in before.difference(library.roots()):
            print(f"{printable(root)} is no longer indexed")
    return OK


# Searching


def search(options: argparse.Namespace) -> int:
    """Print the photos most like a picture."""
    for pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(pool, "1")  # one query is over before more threads have started
    filters = {name: getattr(options, name) for name in _FILTERS if getattr(options, name) is not None}
    with _open(options) as library:
        try:
            hits = library.search(options.picture, k=options.k, engine=options.engine, **filters)
        except ValueError as error:
            complain(f"{error}; see simsearch search --help")
            return COULD_NOT_RUN
        if not len(library):
            complain("the library holds no photos yet; run: simsearch index FOLDER")
            return COULD_NOT_RUN
        if len(hits) < options.k and filters:
            _explain_few(library, filters)
    for hit in hits:
        if options.json:
            print(json.dumps(_as_json(hit)))
        elif options.paths:
            print(hit.path)
        else:
            away = "  (offline)" if hit.offline else ""
            print(f"{hit.score:.3f}  {printable(hit.path)}{away}")
    return OK


def _explain_few(library: Library, filters: dict[str, Any]) -> None:
    """Say how many photos filters leave, and how many they leave out for want of a date."""
    anytime = {name: value for name, value in filters.items() if name not in ("since", "until")}
    undated = library.count(**anytime) - library.count(**anytime, since="0001") if anytime != filters else 0
    unknown = f"; {undated:,} more do not say when they were taken" if undated else ""
    complain(f"{library.count(**filters):,} of {len(library):,} photos are as asked for{unknown}")


def tune(options: argparse.Namespace) -> int:
    """Choose the settings of the engine lsh."""
    knobs = {knob: getattr(options, knob) for knob in ("bits", "tables", "probes", "hits")}
    chosen = {knob: value for knob, value in knobs.items() if value is not None}
    with _open(options) as library:
        try:
            tuned = library.tune(options.recall, compact=options.compact, **chosen)
        except ValueError as error:
            complain(f"{error}; see simsearch tune --help")
            return COULD_NOT_RUN
    if options.json:
        print(json.dumps(tuned))
        return OK
    print(_tuning_text(tuned))
    if tuned["recall"] < options.recall:
        complain(f"that is less than the recall of {options.recall:g} wished for")
    print("To search with it: simsearch search PICTURE --engine lsh")
    return OK


def _tuning_text(tuned: dict[str, Any]) -> str:
    settings = ", ".join(f"{value:,} {knob}" for knob, value in tuned["settings"].items())
    return (
        f"{settings}: found {tuned['recall']:.1%} (within {tuned['error']:.1%}) of the 15 true nearest "
        f"of {tuned['queries']} photos, "
        f"scanning {tuned['scanned']:.1%} of the library"
    )


def _as_json(hit: Hit) -> dict[str, Any]:
    return {
        "path": str(hit.path),
        "score": round(hit.score, 6),
        "id": hit.id,
        "width": hit.width,
        "height": hit.height,
        "taken_at": hit.taken_at and hit.taken_at.isoformat(),
        "camera": hit.camera,
        "latitude": hit.latitude,
        "longitude": hit.longitude,
        "offline": hit.offline,
    }


# The library itself


def status(options: argparse.Namespace) -> int:
    """Print what the library holds, or what failed."""
    with _open(options) as library:
        if options.failed:
            failures = [(str(path), reason) for path, reason in library.failures()]
            if not options.json:
                print_refused("failed", failures)
            for path, reason in failures if options.json else ():
                print(json.dumps({"path": path, "reason": reason}))
            return OK
        facts = {**library.status(), "run": library.run}
    if options.json:
        print(json.dumps(facts))
        return OK
    if tuned := facts.pop("lsh"):
        facts["lsh"] = _tuning_text(tuned)
    facts["folders"] = [_folder_text(folder) for folder in facts["folders"]]
    if run := facts.pop("run"):
        facts["last run"] = _run_text(run)
    for name, value in facts.items():
        for line in value if isinstance(value, list) else [value]:
            print(f"{name + ':':<11}{f'{line:,}' if isinstance(line, int) else line}")
    return OK


def _run_text(run: dict[str, Any]) -> str:
    far = f"{run['done']:,} of {counted(run['total'], 'file')}"
    if run["running"]:
        return f"going on since {run['since']}: {far} (process {run['pid']})"
    if run["report"] is None or run["report"]["interrupted"]:
        why = printable(run["problem"] or "stopped early; to go on: simsearch sync")
        return f"{run['since']}: {far}; {why}"
    return f"{run['since']} to {run['ended']}"


def _folder_text(folder: dict[str, Any]) -> str:
    away = "" if folder["online"] else ", offline"
    return f"{printable(folder['path'])} ({counted(folder['photos'], 'photo')}{away})"


def doctor(options: argparse.Namespace) -> int:
    """Check the library; say what is wrong, and mend it where that is wished for."""
    from simsearch import LibraryError, NoLibrary

    try:
        library = _open(options)
    except NoLibrary:
        raise
    except LibraryError as error:  # too damaged to be opened
        complain(printable(str(error)))
        return NOT_WELL
    with library, ProgressBar() as bar:
        findings = library.check(repair=options.repair, progress=bar.update)
    for finding in findings:
        if options.json:
            print(json.dumps(finding._asdict()))
        else:
            state = "mended" if finding.mended else "wrong"
            print(f"{state:<8}{printable(finding.problem)}; {printable(finding.remedy)}")
    if not findings and not options.json:
        print("all is well")
    return OK if all(finding.mended for finding in findings) else NOT_WELL


# The others


def app(options: argparse.Namespace) -> int:
    """Serve the page."""
    from simsearch.ui import serve

    serve(options.library, options.port, options.lsh_storage)
    return OK


def demo(options: argparse.Namespace) -> int:
    """Draw the demo gallery and index it."""
    from simsearch import Library
    from simsearch.demo import draw_gallery

    folder = Path(options.folder).expanduser()
    pictures, library = folder / "pictures", folder / "library"
    print(f"Drawing the demo gallery in {printable(pictures)} ...", file=sys.stderr)
    with ProgressBar() as bar:
        draw_gallery(pictures, progress=bar.update)
    # A library of its own: drawn pictures have no place among somebody's photos.
    with Library.open(library) as opened:
        options.workers, options.retry_failed, options.verbose = None, False, False
        code = _run(opened, [str(pictures)], options)
    if code != INTERRUPTED:
        print(f"To look at them: simsearch app --library {shlex.quote(str(library))}")
    return code
