"""The command for albums: it lists them, shows their photos, makes and changes them."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from simsearch.cli.searching import as_json, as_text
from simsearch.cli.terminal import (
    COULD_NOT_RUN,
    OK,
    agreed,
    complain,
    counted,
    is_terminal,
    open_library,
    print_table,
    printable,
    use_one_thread,
)

if TYPE_CHECKING:
    from simsearch import Library


def album(options: argparse.Namespace) -> int:
    """List albums, or show, make, extend, rename or drop one."""
    use_one_thread()
    if fault := _fault(options):
        complain(f"{fault}; see simsearch album --help")
        return COULD_NOT_RUN
    with open_library(options) as library:
        if options.name is None:
            _list(library, json_wanted=options.json)
        elif options.drop:
            return _drop(library, options)
        elif options.rename is not None:
            library.albums.rename(options.name, options.rename)
            print(f"{printable(options.name)} is now {printable(options.rename.strip())}")
        elif options.like or options.minus:
            _say(library, options)
        else:
            _show(library, options)
    return OK


def _fault(options: argparse.Namespace) -> str | None:
    """Return what of the options does not go together."""
    told = bool(options.like or options.minus)
    wishes = told + options.drop + (options.rename is not None)
    if options.name is None and (wishes or options.paths):
        return "name the album that is meant"
    if wishes > 1:
        return "--drop, --rename and examples are one thing at a time"
    if options.yes and not options.drop:
        return "--yes is for --drop alone"
    if (options.paths and wishes) or (options.json and wishes and not told):
        return "there is nothing to print as paths or JSON"
    return None


def _list(library: Library, *, json_wanted: bool) -> None:
    albums = [*library.albums]
    if not albums and not json_wanted:
        print("no albums yet; to make one: simsearch album NAME --like PICTURE")
    elif json_wanted:
        for one in albums:
            _print_json(library, one.name)
    else:
        rows = [
            (
                printable(one.name),
                f"{library.albums.count(one.name):,}",
                f"{one.likes:,}",
                f"{one.dislikes:,}",
            )
            for one in albums
        ]
        print_table(("album", "photos", "likes", "dislikes"), rows)


def _print_json(library: Library, name: str) -> None:
    one = library.albums[name]
    made = one.made_at and one.made_at.isoformat()
    print(json.dumps({**one._asdict(), "made_at": made, "photos": library.albums.count(name)}))


def _show(library: Library, options: argparse.Namespace) -> None:
    hits = library.albums.photos(options.name)
    for hit in hits:
        if options.json:
            print(json.dumps(as_json(hit)))
        elif options.paths:
            print(hit.path)
        else:
            print(as_text(hit))
    if not hits:
        complain("no photo of the library belongs there")
    elif not library.albums.knows_scores:
        complain("in so small a library it cannot be told what belongs together: only what is liked is shown")
    elif not any(hit.trust for hit in hits):
        complain("nothing else in the library is like these enough: only what is liked is shown")


def _say(library: Library, options: argparse.Namespace) -> None:
    """Make an album of examples, or add them to one."""
    if options.name in library.albums:
        library.albums.extend(options.name, options.like, options.minus)
    else:
        library.albums.save(options.name, options.like, options.minus)
    if options.json:
        _print_json(library, options.name)
        return
    one = library.albums[options.name]
    count = counted(library.albums.count(one.name), "photo")
    print(f"{printable(one.name)}: {count}, from {counted(one.likes + one.dislikes, 'example')}")


def _drop(library: Library, options: argparse.Namespace) -> int:
    name = printable(library.albums[options.name].name)
    print(f"The album {name} and its examples will be dropped; no photo is touched.")
    if not agreed("Drop it?", yes=options.yes):
        return OK if is_terminal() else COULD_NOT_RUN
    library.albums.drop(options.name)
    print(f"{name} was dropped")
    return OK
