"""A fluent grid of photos, drawn by grid.js; what a visitor does there comes back as deeds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from simsearch import Hit, Library, PhotoError
from simsearch.ui import assets, meaning, thumbs
from simsearch.ui.words import day, noted, number, say, say_count

_SENT, _DONE, _WANTED = "grid-sent", "grid-done", "grid-wanted"
_MOST = 1_500  # pictures that the browser keeps, as grid.js says, of 10 to 30 kB each

# How looks what a hit's score means. Of others the score alone is shown.
_LOOKS = {"near-identical": "near", "same scene": "scene", "same kind": "kind"}
# What a deed is called; the browser puts the photo's name in.
_LABELS = {
    "like": noted("Like {name}"),
    "dislike": noted("Dislike {name}"),
    "more": noted("More like {name}"),
    "select": noted("Select {name}"),
    "hide": noted("Hide near-identical"),
    "copies": noted("Near-identical to {name}"),
}
_HTML = '<div class="photos"><ul class="grid"></ul></div>'


class Deed(NamedTuple):
    """What can be done with a photo of the grid: what does it, and what it does, in words."""

    do: Callable[[Hit], None]
    hint: str


class _Sent(NamedTuple):
    """The name under which the browser has a photo's picture, and the stamp of the library by then."""

    stamp: str
    name: str


def show(
    library: Library,
    hits: Sequence[Hit],
    key: str,
    deeds: Mapping[str, Deed],
    *,
    liked: Collection[int] = (),
    disliked: Collection[int] = (),
    selected: Collection[int] = (),
    faint: bool = False,
    scored: bool = True,
) -> None:
    """Show photos in a grid.

    Parameters
    ----------
    key
        Tells the grid from the others of the page.
    deeds
        What is offered, of "open", "like", "dislike", "more" and "select". It is done before the page is
        drawn anew.
    liked, disliked, selected
        The ids of photos that are shown so.
    faint
        Whether they are shown as what hardly matters.
    scored
        Whether their scores say something.
    """
    if not hits:
        return
    names, pictures = _pictures(library, hits, st.session_state.pop(f"{_WANTED}-{key}", frozenset()))
    data = {
        "cards": [card(hit, scored=scored) | {"picture": names[hit.id]} for hit in hits],
        "pictures": pictures,
        "labels": {name: say(text) for name, text in _LABELS.items()},
        "deeds": {name: deed.hint for name, deed in deeds.items()},
        "liked": sorted(liked),
        "disliked": sorted(disliked),
        "selected": sorted(selected),
        "faint": faint,
        "done": st.session_state.get(f"{_DONE}-{key}", 0),
    }
    component = st.components.v2.component(
        "simsearch_grid", html=_HTML, css=assets.text("grid.css"), js=assets.text("grid.js")
    )
    component(key=key, data=data, on_asked_change=lambda: _do(key, hits, deeds))


# What is said of a photo


def card(hit: Hit, *, scored: bool = True) -> dict[str, Any]:
    """Return what is shown of a photo: its shape, and texts."""
    look = _LOOKS.get(hit.trust or "", "")
    long, short = _beats(hit.beats)
    taken = [day(hit.taken_at)] if hit.taken_at else []
    count = len(hit.copies)
    return {
        "id": hit.id,
        "size": [hit.width, hit.height],
        "name": hit.path.name,
        "path": str(hit.path),
        "where": " · ".join([hit.path.parent.name, *taken]),
        "offline": say("offline") if hit.offline else "",
        "look": look,
        "word": meaning.word(hit.trust) if look else "",
        "score": number(hit.score, 2) if scored else "",
        "means": long,
        "beats": short,
        "fold": say_count(count, "+{n} near-identical", "+{n} near-identical") if count else "",
        "copies": [{"name": path.name, "path": str(path)} for path in hit.copies],
    }


def _beats(share: float | None) -> tuple[str, str]:
    """Return what share of random pairs a hit beats, in a sentence, and shorter."""
    if share is None:
        return "", ""
    beaten = meaning.pairs_beaten(share)
    return (
        say("closer than {share} of random pairs of your photos", share=beaten),
        say("closer than {share} of pairs", share=beaten),
    )


# Pictures


def _pictures(
    library: Library, hits: Sequence[Hit], wanted: Collection[str]
) -> tuple[dict[int, str], dict[str, str]]:
    """Return the names of the photos' pictures, and those that the browser has not had, as addresses.

    A session is one load of the page in a browser, which keeps what it was sent. What gets lost on the way,
    as when a run of the page overtakes another, it wants again, by name; copies only when they are unfolded.
    """
    stamp = library.stamp
    sent: dict[int, _Sent] = st.session_state.setdefault(_SENT, {})
    pictures = {}
    for hit in hits:
        before = sent.pop(hit.id, None)
        if before and before.stamp == stamp and before.name not in wanted:
            sent[hit.id] = before
            continue
        thumbnail = library.thumbnail(hit)
        mark = hashlib.blake2b(thumbnail, digest_size=8).hexdigest() if thumbnail else ""
        sent[hit.id] = now = _Sent(stamp, f"{hit.id}-{mark}" if mark else "")
        if thumbnail and (before is None or before.name != now.name or now.name in wanted):
            pictures[now.name] = thumbs.address(thumbnail)
    names = {hit.id: sent[hit.id].name for hit in hits}
    for photo_id in [*sent][: max(len(sent) - _MOST, 0)]:  # those that were not shown for longest
        del sent[photo_id]
    copies = {str(path): path for hit in hits for path in hit.copies} if wanted else {}
    pictures |= {name: _copy(library, path) for name, path in copies.items() if name in wanted}
    return names, pictures


def _copy(library: Library, path: Path) -> str:
    """Return a photo of the library as an address; without one where it has gone."""
    try:
        thumbnail = library.thumbnail(library.photo(path))
    except PhotoError:
        return ""
    return thumbs.address(thumbnail) if thumbnail else ""


# What is done


def _do(key: str, hits: Sequence[Hit], deeds: Mapping[str, Deed]) -> None:
    """Do what was asked for in the browser, each thing once.

    Of what is asked for while the page is busy, Streamlit keeps only the last: thus the browser numbers its
    deeds, and asks for all of them until it hears that they are done.
    """
    by_id = {hit.id: hit for hit in hits}
    done = st.session_state.get(f"{_DONE}-{key}", 0)
    for place, asked in sorted(_numbered(st.session_state[key].get("asked"))):
        if place <= done:
            continue
        st.session_state[f"{_DONE}-{key}"] = done = place
        name, about = asked
        if name == "want" and isinstance(about, list):
            before: frozenset[str] = st.session_state.get(f"{_WANTED}-{key}", frozenset())
            st.session_state[f"{_WANTED}-{key}"] = before | {one for one in about if isinstance(one, str)}
        elif name in deeds and isinstance(about, int) and about in by_id:
            deeds[name].do(by_id[about])


def _numbered(asked: object) -> Iterator[tuple[int, tuple[str, object]]]:
    for one in asked if isinstance(asked, list) else []:
        match one:
            case {"number": int(place), "deed": str(name), "about": about}:
                yield place, (name, about)
