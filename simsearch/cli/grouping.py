"""The commands about photos that belong together, each under its own name."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from simsearch.cli.terminal import (
    COULD_NOT_RUN,
    OK,
    ProgressBar,
    complain,
    counted,
    expect_room,
    need_photos,
    open_library,
    printable,
    use_one_thread,
)

if TYPE_CHECKING:
    from simsearch import Burst, Copy, CopyGroup, Hit


def copies(options: argparse.Namespace) -> int:
    """Print the photos of which there are copies, and which of them is the best."""
    use_one_thread()
    expect_room(options.csv, options.script)
    with open_library(options) as library:
        need_photos(library)
        with ProgressBar() as bar:
            found = library.groups.copies(
                under=options.under,
                kept=options.all,
                progress=lambda doing, done, total: bar.update(done, total, doing),
            )
        groups = [only for group in found if (only := _only(group, options.only, options.all))]
        library.groups.save(groups, csv=options.csv, script=options.script)
        count = len(library)
    for group in groups:
        if options.json:
            print(json.dumps(_group_as_json(group)))
        else:
            _print_group(group)
    if not options.json:
        _print_copies_summary(groups, count)
    for file, what in ((options.csv, "the table"), (options.script, "the script")):
        if file:
            complain(f"{what} is in {printable(file)}")
    return OK


def _only(group: CopyGroup, relations: list[str] | None, kept: bool) -> CopyGroup | None:
    """Return a group with copies of some relations alone; None where that leaves none to decide about."""
    if not relations:
        return group
    some = tuple(copy for copy in group.copies if not set(relations).isdisjoint(copy.relations))
    return group._replace(copies=some) if any(kept or not copy.kept for copy in some) else None


def _print_group(group: CopyGroup) -> None:
    print(f"best      {printable(group.best.path)}  {_size(group.best)}{_away(group.best)}")
    for copy in group.copies:
        done = f"  ({', '.join(copy.changes)})" if copy.changes else ""
        kept = "  [kept]" if copy.kept else ""
        kept += "" if copy.checked else "  [only thumbnails were compared]"
        print(f"{copy.relation:<10}{printable(copy.photo.path)}{done}{kept}{_away(copy.photo)}")
        print(f"{'':<10}the best: {copy.reason}")
        if copy.equal_to:
            print(f"{'':<10}equal to {printable(copy.equal_to.path)}{_away(copy.equal_to)}")
    print()


def _print_copies_summary(groups: list[CopyGroup], count: int) -> None:
    copies = [copy for group in groups for copy in group.copies]
    if not copies:
        print(f"no copies among {counted(count, 'photo')}")
        return
    kinds = ", ".join(
        f"{number:,} {relation}"
        for relation in ("exact", "re-saved", "crop")
        if (number := sum(copy.relation == relation for copy in copies))
    )
    if equal := sum(copy.equal_to is not None for copy in copies):
        kinds += f"; {equal:,} equal to another copy"
    size = sum(copy.size for copy in copies) / 1e6
    told = counted(len(copies), "copy", "copies")
    print(f"{counted(len(groups), 'picture')} with {told} ({kinds}), {size:,.1f} MB in all")
    print(
        "Nothing was changed. To put the worse ones aside: --script FILE; to decide: simsearch decide --help"
    )


def _size(photo: Hit) -> str:
    return f"{photo.width:,} x {photo.height:,}"


def _away(photo: Hit) -> str:
    return "  (not there now)" if photo.offline else ""


def _group_as_json(group: CopyGroup) -> dict[str, Any]:
    return {
        "best": str(group.best.path),
        "offline": group.best.offline,
        "bytes": group.size,
        "copies": [_copy_as_json(copy) for copy in group.copies],
    }


def _copy_as_json(copy: Copy) -> dict[str, Any]:
    return {
        "path": str(copy.photo.path),
        "relation": copy.relation,
        "changes": list(copy.changes),
        "reason": copy.reason,
        "kept": copy.kept,
        "offline": copy.photo.offline,
        "bytes": copy.size,
        "checked": copy.checked,
        "equal_to": copy.equal_to and str(copy.equal_to.path),
    }


def bursts(options: argparse.Namespace) -> int:
    """Print the photos of one scene that were taken one shortly after the other."""
    use_one_thread()
    with open_library(options) as library:
        need_photos(library)
        try:
            found = library.groups.bursts(options.within, under=options.under)
        except ValueError as error:
            complain(f"{error}; see simsearch groups bursts --help")
            return COULD_NOT_RUN
        for burst in found:
            sharpest = library.groups.sharpest(burst.photos)
            if options.json:
                print(json.dumps(_burst_as_json(burst, sharpest)))
            else:
                _print_burst(burst, sharpest)
        undated = library.count(under=options.under) - library.count(under=options.under, since="0001")
    if not options.json:
        photos = sum(len(burst.photos) for burst in found)
        print(f"{counted(len(found), 'burst')}, {counted(photos, 'photo')}")
    if undated:
        complain(f"{counted(undated, 'photo')} left out, as they do not say when they were taken")
    return OK


def _print_burst(burst: Burst, sharpest: Hit | None) -> None:
    for photo in burst.photos:
        mark = "  (sharpest)" if photo == sharpest else ""
        print(f"{photo.taken_at:%Y-%m-%d %H:%M:%S}  {printable(photo.path)}{mark}")
    print()


def _burst_as_json(burst: Burst, sharpest: Hit | None) -> dict[str, Any]:
    return {
        "photos": [
            {"path": str(photo.path), "taken_at": photo.taken_at and photo.taken_at.isoformat()}
            for photo in burst.photos
        ],
        "sharpest": sharpest and str(sharpest.path),
    }


def decide(options: argparse.Namespace) -> int:
    """Decide about photos that look the same, or list what was decided."""
    with open_library(options) as library:
        if options.verdict is None:
            for one, other, verdict in library.groups.decisions():
                if options.json:
                    print(json.dumps({"verdict": verdict, "photos": [str(one.path), str(other.path)]}))
                else:
                    print(f"{verdict:<10}{printable(one.path)}  {printable(other.path)}")
            return OK
        try:
            count = library.groups.decide(options.verdict, *options.photos)
        except ValueError as error:
            complain(f"{error}; see simsearch decide --help")
            return COULD_NOT_RUN
    print(f"{'taken back' if options.verdict == 'undecided' else 'decided'} of {counted(count, 'pair')}")
    return OK
