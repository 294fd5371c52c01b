"""The commands that ask a library about pictures, each under its own name."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simsearch import tables
from simsearch.cli.terminal import (
    COULD_NOT_RUN,
    OK,
    complain,
    counted,
    expect_room,
    need_photos,
    open_library,
    printable,
    some,
    use_one_thread,
)

if TYPE_CHECKING:
    from simsearch import Hit, Library

_FILTERS = ("under", "since", "until", "camera", "kind", "min_size")
_FILES = ("zip", "csv", "contact_sheet")
LEFT_OUT = 1
_BAR = 20  # characters, for all votes


def search(options: argparse.Namespace) -> int:
    """Print the photos most like a picture."""
    use_one_thread()  # one query is over before more have started
    filters = {name: getattr(options, name) for name in _FILTERS if getattr(options, name) is not None}
    files = {name: getattr(options, name) for name in _FILES if getattr(options, name) is not None}
    expect_room(*map(tables.place_of, files.values()))  # before the work is done
    with open_library(options) as library:
        need_photos(library)
        try:
            hits = library.search(
                options.pictures,
                k=options.k,
                minus=options.minus,
                crop=options.crop,
                engine=options.engine,
                rerank=options.rerank,
                diversity=options.diversity,
                fold=not options.all,
                **filters,
            )
        except ValueError as error:
            complain(f"{error}; see simsearch search --help")
            return COULD_NOT_RUN
        if len(hits) < options.k and filters:
            _explain_few(library, filters)
        shown = [hit for hit in hits if options.all or hit.related]
        left_out = library.export(shown, **files) if shown and files else []
    for hit in shown:
        if options.json:
            print(json.dumps(as_json(hit)))
        elif options.paths:
            print(hit.path)
        else:
            print(as_text(hit))
    _explain_end(shown, hits, "among the photos asked for" if filters else "in the library")
    return _explain_files(files, shown, left_out)


def as_text(hit: Hit) -> str:
    """Return the line of a hit for a person."""
    trust = "" if hit.trust is None else f"{hit.trust:<20}"
    away = "  (offline)" if hit.offline else ""
    copies = f"  (and {len(hit.copies):,} near-identical)" if hit.copies else ""
    return f"{hit.score:.3f}  {trust}{printable(hit.path)}{away}{copies}"


def _explain_end(shown: list[Hit], hits: list[Hit], where: str) -> None:
    """Say where the results end, and how to see the rest."""
    folded = sum(len(hit.copies) for hit in shown)
    if hits and not shown:
        complain(f"nothing {where} is similar; --all shows the nearest all the same")
    elif len(shown) < len(hits):
        complain(f"{counted(len(hits) - len(shown), 'more photo')} probably unrelated; --all shows them")
    elif folded:
        complain(f"{counted(folded, 'near-identical photo')} left out; --all shows them")


def _explain_few(library: Library, filters: dict[str, Any]) -> None:
    """Say how many photos filters leave, and how many they leave out for want of a date."""
    anytime = {name: value for name, value in filters.items() if name not in ("since", "until")}
    undated = library.count(**anytime) - library.count(**anytime, since="0001") if anytime != filters else 0
    unknown = f"; {undated:,} more do not say when they were taken" if undated else ""
    complain(f"{library.count(**filters):,} of {len(library):,} photos are as asked for{unknown}")


def _explain_files(files: dict[str, str], shown: list[Hit], left_out: list[Hit]) -> int:
    """Say what of the hits was written where, and what was left out; return the exit code."""
    if files and not shown:
        complain("no file was written")
    elif files:
        complain(f"{counted(len(shown), 'hit')} written to {', '.join(map(printable, files.values()))}")
    if left_out:
        names = some([str(hit.path) for hit in left_out])
        complain(f"{counted(len(left_out), 'photo')} could not be put into the archive: {names}")
    return LEFT_OUT if left_out else OK


def as_json(hit: Hit) -> dict[str, Any]:
    """Return what is known of a hit, for a program."""
    return {
        "path": str(hit.path),
        "score": round(hit.score, 6),
        "cosine": round(hit.cosine, 6),
        "trust": hit.trust,
        "beats": hit.beats,
        "copies": [str(path) for path in hit.copies],
        "id": hit.id,
        "width": hit.width,
        "height": hit.height,
        "taken_at": hit.taken_at and hit.taken_at.isoformat(),
        "camera": hit.camera,
        "latitude": hit.latitude,
        "longitude": hit.longitude,
        "offline": hit.offline,
    }


def suggest(options: argparse.Namespace) -> int:
    """Print what a picture is of, as the photos nearest to it say."""
    use_one_thread()
    with open_library(options) as library:
        need_photos(library)
        try:
            told = library.suggest(options.picture, crop=options.crop)
            kinds = library.kinds()
        except ValueError as error:
            complain(f"{error}; see simsearch suggest --help")
            return COULD_NOT_RUN
    if options.json:
        votes = [vote._asdict() for vote in told.votes]
        print(json.dumps({**told._asdict(), "votes": votes}))
    elif kinds < 2:
        complain("all photos lie in one folder, which tells nothing; put kinds into folders, or label them")
        return COULD_NOT_RUN
    elif told.kind is None:
        print("unlike anything here")
    else:
        print(f"looks like {printable(_name(told.kind))}, {told.votes[0].photos} of {told.asked}")
        for vote in told.votes:
            bar = "#" * max(round(_BAR * vote.photos / told.asked), 1)
            print(f"{vote.photos:3}  {bar:<{_BAR}}  {printable(vote.kind)}")
    return OK


def _name(kind: str) -> str:
    """Return a label as it is, and of a folder its name."""
    return f"{Path(kind).name}/" if os.path.isabs(kind) or "://" in kind else kind
