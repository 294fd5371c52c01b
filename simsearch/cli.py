"""The ``simsearch`` command: each subcommand is one call of :class:`simsearch.Library`, and its printing."""

from __future__ import annotations

import argparse
import gc
import json
import os
import shlex
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from simsearch import Hit, Library

_OK, _SOME_FAILED, _COULD_NOT_RUN, _INTERRUPTED = 0, 1, 2, 130
_NAMES_SHOWN = 20  # of files skipped for one reason; a folder of videos should not hide the rest


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1 (some files failed), 2 (could not run)."""
    options = _parser().parse_args(arguments)
    from simsearch.errors import SimsearchError

    try:
        code = int(options.run(options))
        sys.stdout.flush()  # here a reader that has gone is still ours to notice
        return code
    except SimsearchError as error:
        print(f"simsearch: {_printable(str(error))}", file=sys.stderr)
        return _COULD_NOT_RUN
    except KeyboardInterrupt:
        print("simsearch: stopped; what was done so far is kept.", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output has enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _OK


def run() -> NoReturn:
    """Run a command as a process of its own."""
    gc.set_threshold(100_000)  # importing makes tens of thousands of objects, and no garbage
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may lack a letter
    code = main()
    gc.freeze()  # the process is over: looking through its objects once more would take 30 ms
    sys.exit(code)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(_COULD_NOT_RUN, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="simsearch",
        description="Find, in your own photos, the pictures most like one you have just been handed.",
        epilog="example: simsearch index ~/Pictures && simsearch search cup.jpg",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, run_it, add_options, summary, example in (
        ("index", _index, _index_options, "make the photos below folders searchable", "~/Pictures"),
        ("search", _search, _search_options, "print the photos most like a picture", "cup.jpg -k 5"),
        ("tune", _tune, _tune_options, "choose the settings of the engine lsh", "--recall 0.95"),
        ("status", _status, _status_options, "say what the library holds and where it is", "--json"),
        ("app", _app, _app_options, "serve the page where a picture is dropped", "--port 8600"),
        ("demo", _demo, _demo_options, "draw a gallery, in a library of its own", "my-demo"),
    ):
        command = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"example: simsearch {name} {example}",
        )
        add_options(command)
        command.set_defaults(run=run_it)
    return parser


def _library_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--library", metavar="DIR", help="default: $SIMSEARCH_LIBRARY, ./index, or the user's data folder"
    )


def _index_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("folders", nargs="*", metavar="FOLDER", help="default: those indexed before")
    _library_option(command)
    command.add_argument("--backbone", metavar="NAME", help="the network (default: efficientnet-lite2)")
    command.add_argument("--workers", type=_positive, metavar="N", help="processes (default: one a core)")
    command.add_argument("--verbose", action="store_true", help="name every file that was skipped")


def _search_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("picture", metavar="PICTURE", help="a picture, in the collection or not")
    _library_option(command)
    command.add_argument("-k", type=_positive, default=15, metavar="N", help="how many (default: 15)")
    command.add_argument(
        "--engine",
        choices=("auto", "exact", "faiss", "lsh"),
        default="auto",
        help="what searches (default: auto, the one that suits the number of photos)",
    )
    _storage_option(command)
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a line")
    form.add_argument("--paths", action="store_true", help="only the paths (--json is safe for any name)")


def _storage_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--lsh-storage", metavar="URL", help="Redis server for the tables of lsh: redis://127.0.0.1:6379"
    )


def _tune_options(command: argparse.ArgumentParser) -> None:
    _library_option(command)
    command.add_argument(
        "--recall",
        type=_share,
        default=0.95,
        metavar="R",
        help="share of the true nearest to find (default: 0.95)",
    )
    for knob, meaning in (
        ("bits", "hyperplanes a table, 1 to 16"),
        ("tables", "hash tables, 1 to 256"),
        ("probes", "buckets a query looks into, up to tables x 2^bits"),
        ("hits", "tables that must agree, up to tables"),
    ):
        command.add_argument(f"--{knob}", type=_positive, metavar="N", help=f"{meaning} (default: chosen)")
    command.add_argument(
        "--compact",
        action=argparse.BooleanOptionalAction,
        help="keep vectors in 8 bits a number, for faiss and lsh (default: as before; at first, no)",
    )
    command.add_argument("--json", action="store_true", help="as one JSON object")


def _status_options(command: argparse.ArgumentParser) -> None:
    _library_option(command)
    command.add_argument("--json", action="store_true", help="as one JSON object")


def _app_options(command: argparse.ArgumentParser) -> None:
    _library_option(command)
    command.add_argument("--port", type=_port, default=8501, metavar="N", help="default: 8501")
    _storage_option(command)


def _demo_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "folder", nargs="?", default="simsearch-demo", metavar="FOLDER", help="default: simsearch-demo"
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text}")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"must be a number above 0 and up to 1, not {text}")
    return share


def _port(text: str) -> int:
    if (port := _positive(text)) > 65535:
        raise argparse.ArgumentTypeError(f"must be at most 65535, not {text}")
    return port


def _open(options: argparse.Namespace) -> Library:
    """Open a library that must be there already."""
    from simsearch import Library

    return Library.open(options.library, create=False, lsh_storage=getattr(options, "lsh_storage", None))


# Commands


def _index(options: argparse.Namespace) -> int:
    from simsearch import Library

    create = bool(options.folders)  # without folders there must be a library that knows some
    with Library.open(options.library, backbone=options.backbone, create=create) as library:
        return _sync(library, options.folders, options.workers, options.verbose)


def _sync(library: Library, folders: Iterable[str], workers: int | None, verbose: bool) -> int:
    with _ProgressBar() as bar:
        report = library.sync(*folders, workers=workers, progress=bar.update)
    _print_refused("skipped", report.skipped, limit=None if verbose else _NAMES_SHOWN)
    _print_refused("failed", report.failed, limit=None)
    print(report)
    print(f"{len(library):,} photos can be searched in {library.path}")
    if report.interrupted:
        return _INTERRUPTED
    return _SOME_FAILED if report.failed else _OK


def _search(options: argparse.Namespace) -> int:
    for pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(pool, "1")  # one query is over before more threads have started
    with _open(options) as library:
        hits = library.search(options.picture, k=options.k, engine=options.engine)
        if not hits:
            print("simsearch: the library holds no photos yet; run: simsearch index FOLDER", file=sys.stderr)
            return _COULD_NOT_RUN
    for hit in hits:
        if options.json:
            print(json.dumps(_as_json(hit)))
        elif options.paths:
            print(hit.path)
        else:
            print(f"{hit.score:.3f}  {_printable(hit.path)}")
    return _OK


def _status(options: argparse.Namespace) -> int:
    with _open(options) as library:
        status = library.status()
    if options.json:
        print(json.dumps(status))
        return _OK
    if tuned := status.pop("lsh"):
        status["lsh"] = _tuning_text(tuned)
    for name, value in status.items():
        for line in value if isinstance(value, list) else [value]:
            print(f"{name + ':':<11}{f'{line:,}' if isinstance(line, int) else line}")
    return _OK


def _tune(options: argparse.Namespace) -> int:
    knobs = {knob: getattr(options, knob) for knob in ("bits", "tables", "probes", "hits")}
    chosen = {knob: value for knob, value in knobs.items() if value is not None}
    with _open(options) as library:
        try:
            tuned = library.tune(options.recall, compact=options.compact, **chosen)
        except ValueError as error:
            print(f"simsearch: {error}; see simsearch tune --help", file=sys.stderr)
            return _COULD_NOT_RUN
    if options.json:
        print(json.dumps(tuned))
        return _OK
    print(_tuning_text(tuned))
    if tuned["recall"] < options.recall:
        print(f"simsearch: that is less than the recall of {options.recall:g} wished for", file=sys.stderr)
    print("To search with it: simsearch search PICTURE --engine lsh")
    return _OK


def _tuning_text(tuned: dict[str, Any]) -> str:
    settings = ", ".join(f"{value:,} {knob}" for knob, value in tuned["settings"].items())
    return (
        f"{settings}: found {tuned['recall']:.1%} (within {tuned['error']:.1%}) of the 15 true nearest "
        f"of {tuned['queries']} photos, "
        f"scanning {tuned['scanned']:.1%} of the library"
    )


def _app(options: argparse.Namespace) -> int:
    from simsearch.ui import serve

    serve(options.library, options.port, options.lsh_storage)
    return _OK


def _demo(options: argparse.Namespace) -> int:
    from simsearch import Library, demo

    folder = Path(options.folder).expanduser()
    pictures, library = folder / "pictures", folder / "library"
    print(f"Drawing the demo gallery in {_printable(pictures)} ...", file=sys.stderr)
    with _ProgressBar() as bar:
        demo.draw_gallery(pictures, progress=bar.update)
    # A library of its own: drawn pictures have no place among somebody's photos.
    with Library.open(library) as opened:
        code = _sync(opened, [str(pictures)], None, False)
    if code != _INTERRUPTED:
        print(f"To look at them: simsearch app --library {shlex.quote(str(library))}")
    return code


# Printing


class _ProgressBar:
    """A bar with rate and time left on standard error, shown once there is something to do."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __enter__(self) -> _ProgressBar:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self, done: int, total: int) -> None:
        if self._bar is None or done < self._bar.n or total != self._bar.total:
            from tqdm import tqdm

            self.__exit__()
            # Where nobody watches (cron, a log file), a line now and then is enough.
            self._bar = tqdm(total=total, unit="photo", mininterval=0.1 if sys.stderr.isatty() else 30)
        self._bar.update(done - self._bar.n)


def _print_refused(state: str, refused: Iterable[tuple[str, str]], *, limit: int | None) -> None:
    by_reason = defaultdict(list)
    for path, reason in refused:
        by_reason[reason].append(path)
    for reason, paths in sorted(by_reason.items()):
        for path in paths[:limit]:
            print(f"{state}  {_printable(path)}: {_printable(reason)}")
        if limit is not None and len(paths) > limit:
            print(f"{state}  {len(paths) - limit:,} more: {reason} (--verbose names them)")


def _as_json(hit: Hit) -> dict[str, Any]:
    return {
        "path": str(hit.path),
        "score": round(hit.score, 6),
        "id": hit.id,
        "width": hit.width,
        "height": hit.height,
        "taken_at": hit.taken_at and hit.taken_at.isoformat(),
    }


def _printable(path: str | Path) -> str:
    """Make a file's name fit for a terminal: no control characters, no broken text."""
    return "".join(char if char.isprintable() else "?" for char in str(path))


if __name__ == "__main__":
    run()
