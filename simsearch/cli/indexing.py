"""The commands that put photos into a library or drop them, each under its own name."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

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
    open_library,
    print_refused,
    printable,
)

if TYPE_CHECKING:
    from simsearch import Encoder, Library, Report


def index(options: argparse.Namespace) -> int:
    """Index folders, and follow them where that is wished for."""
    from simsearch import ClusterError, FolderError

    if options.on and options.watch:
        remedy = "index with --on first, then follow the folders with --watch alone"
        raise ClusterError(options.on, "what is watched is encoded on this machine", remedy)
    create = bool(options.folders)  # without folders there must be a library that knows some
    if (
        create
        and all(options.folders)
        and not any("://" in one or os.path.exists(os.path.expanduser(one)) for one in options.folders)
    ):
        # Before a library is made for nothing.
        remedy = "check the spelling, and that its disk is connected"
        raise FolderError(options.folders[0], "no such folder", remedy)
    with _opened(options, create=create) as library:
        if options.backbone and library.embeddings.sets():
            code = _switch(library, options)
            if code == INTERRUPTED or not options.watch:
                return code
        if options.watch:
            return _watch(library, options)
        return _run(library, options.folders, options)


def _opened(options: argparse.Namespace, *, create: bool) -> Library:
    """Open the library; where nothing serves in it yet, with the network that is wished for."""
    from simsearch import BackboneError, Library, NoLibrary

    network = {name: getattr(options, name) for name in ("backbone", "weights", "pixels")}
    if not options.backbone:
        for name in ("weights", "pixels"):
            if network[name]:
                raise BackboneError(
                    f"--{name}", "it is of no use by itself", "name the network with --backbone"
                )
        return Library.open(options.library, create=create)
    try:
        library = Library.open(options.library, create=False)
    except NoLibrary:
        return Library.open(options.library, create=create, **network)
    if library.embeddings.sets():
        return library
    library.close()
    return Library.open(options.library, **network)


def _switch(library: Library, options: argparse.Namespace) -> int:
    """Index with the network that serves, and then have the one that is wished for serve."""
    from simsearch import BackboneError, FolderError

    encoder = library.embeddings.open(
        options.backbone, weights=options.weights, pixels=options.pixels, say=complain
    )
    before = library.embeddings.sets()[0].encoder
    try:
        code = _run(library, options.folders, options)
    except FolderError as error:  # all are away; their photos are encoded from thumbnails
        if options.folders:
            raise
        complain(printable(str(error)))
        code = NOT_WELL
    except BackboneError as error:
        if encoder.identity == before:
            raise
        complain(f"{printable(str(error))} What is new is indexed with {printable(options.backbone)}.")
        code = _exchange(library, encoder, options)
        return code if code == INTERRUPTED else _run(library, options.folders, options)
    if code == INTERRUPTED:
        return code
    return max(code, _exchange(library, encoder, options))


def _exchange(library: Library, encoder: Encoder, options: argparse.Namespace) -> int:
    """Have another network serve, and say so."""
    before = library.embeddings.sets()[0].encoder
    with ProgressBar() as bar:
        done = library.embeddings.switch(encoder, workers=options.workers, on=options.on, progress=bar.update)
    if done.encoder == before:
        return OK
    name, old = printable(done.encoder.backbone), printable(before.backbone)
    if not done.serves:
        complain(f"stopped; {old} serves on, and the same command goes on with {name}")
        return INTERRUPTED
    count = done.encoded + done.stand_ins
    made = (
        f"{counted(count, 'embedding')} made in {done.seconds:.1f} s"
        if count
        else "all embeddings were there"
    )
    if done.stand_ins:
        made += f", {done.stand_ins:,} of them from thumbnails, until their files can be read"
    print(f"{name} serves now: {made}")
    if done.lacking:
        print(f"{counted(done.lacking, 'photo')} cannot be found until indexed again: nothing could be read")
    print(f"the embeddings of {old} are kept; to drop them: simsearch backbones --remove {shlex.quote(old)}")
    return OK


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
            *folders,
            workers=options.workers,
            on=options.on,
            retry_failed=options.retry_failed,
            progress=bar.update,
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
    with open_library(options) as library:
        code = _run(library, [], options)
        if not options.prune or code == INTERRUPTED:
            return code
        gone = library.missing(prunable=True)
        print_refused("gone", ((path, "its file is no longer there") for path in gone))
        if not gone:
            print("no photo is gone")
        elif agreed(f"Drop what is known of {counted(len(gone), 'photo')}?", yes=options.yes):
            print(f"{counted(library.prune(gone), 'photo')} dropped from the library")
        elif not is_terminal():
            return COULD_NOT_RUN
        return code


def forget(options: argparse.Namespace) -> int:
    """Drop what is known of a photo or a folder."""
    with open_library(options) as library:
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
        options.workers, options.on, options.retry_failed, options.verbose = None, None, False, False
        code = _run(opened, [str(pictures)], options)
    if code != INTERRUPTED:
        print(f"To look at them: simsearch app --library {shlex.quote(str(library))}")
    return code
