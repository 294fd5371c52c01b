"""What a query may be of: the votes of the nearest photos, by their labels or folders."""

from __future__ import annotations

import html
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from simsearch import Library, Query
from simsearch.ui.words import number, say, say_count

_SHOWN = 4  # kinds at most, where there is little room
_FEWEST = 3  # photos whose votes say something

STYLE = """
<style>
  .votes { font-size: .85rem; line-height: 1.4; overflow-wrap: anywhere; }
  .votes .bars { display: grid; grid-template-columns: minmax(0, auto) minmax(3rem, 1fr) auto;
      gap: .2rem .6rem; align-items: center; margin-top: .4rem; }
  .votes .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .votes .bar { height: .5rem; border-radius: .25rem; background: rgba(128, 128, 128, .16); }
  .votes .bar i { display: block; height: 100%; border-radius: .25rem; background: rgba(128, 128, 128, .6); }
  .votes .name:first-child + .bar i { background: #3987b8; }
  .votes .count { font-variant-numeric: tabular-nums; opacity: .75; }
</style>
"""


class Votes(NamedTuple):
    """What the nearest photos are: how many were asked, and how many named what, most first."""

    asked: int
    named: list[tuple[str, int]]


@st.cache_data(max_entries=100, show_spinner=False)
def _counted(_library: Library, stamp: str, embedding: bytes, _query: Query) -> Votes:
    suggestion = _library.suggest(_query)
    names = shown([vote.kind for vote in suggestion.votes], _library.roots())
    return Votes(
        suggestion.asked, [(name, vote.photos) for name, vote in zip(names, suggestion.votes, strict=True)]
    )


@st.cache_data(max_entries=2, show_spinner=False)
def _kinds(_library: Library, stamp: str) -> int:
    return _library.kinds()


def show(library: Library, query: Query, most: int = _SHOWN) -> bool:
    """Show what the query may be of, so many kinds at most; return whether there is anything to say."""
    if _kinds(library, library.stamp) < 2:
        return False
    embedding = query.embedding.tobytes()
    votes = _counted(library, library.stamp, embedding, query)
    if votes.asked < _FEWEST:
        return False
    st.html(f'<div class="votes">{_sentence(votes)}{_bars(votes, most)}</div>')
    return True


def shown(kinds: list[str], roots: list[Path]) -> list[str]:
    """Return labels as they are, and folders below the indexed one; no two of them are called the same.

    Where they would be, a folder is called by the indexed one, too, or by its whole path.
    """
    names = [_names(kind, roots) for kind in kinds]
    said = [0] * len(kinds)  # which of its names each has
    while True:
        texts = [names[place][one] for place, one in enumerate(said)]
        counts = Counter(texts)
        unclear = [
            place
            for place, text in enumerate(texts)
            if counts[text] > 1 and said[place] + 1 < len(names[place])
        ]
        if not unclear:
            return texts
        for place in unclear:
            said[place] += 1


def _names(kind: str, roots: list[Path]) -> list[str]:
    """Return what a kind may be called, the shortest first and what nothing else can be called last."""
    folder = Path(kind)
    around = [root for root in roots if folder.is_relative_to(root)]
    if not around:
        return [kind]  # a label
    root = max(around, key=lambda root: len(root.parts))
    whole = folder.relative_to(root.parent).as_posix()
    short = whole if folder == root else folder.relative_to(root).as_posix()
    return [f"{short}/", f"{whole}/", f"{kind.rstrip('/')}/", kind]


def _sentence(votes: Votes) -> str:
    if not votes.named:
        return say("Unlike anything here.")
    kind, photos = votes.named[0]
    named = {"kind": f"<b>{html.escape(kind)}</b>"}
    looks = photos * 2 >= votes.asked
    seems = say("Looks like {kind}", **named) if looks else say("Perhaps {kind}", **named)
    asked = votes.asked
    if kind.endswith("/"):
        if photos == asked:
            return f"{seems}: {say('all {n} nearest photos lie there.', n=photos)}"
        told = say_count(
            photos,
            "of the {asked} nearest photos, {n} is related and lies there.",
            "of the {asked} nearest photos, {n} are related and lie there.",
            asked=asked,
        )
        return f"{seems}: {told}"
    if photos == asked:
        return f"{seems}: {say('all {n} nearest photos are labelled so.', n=photos)}"
    told = say_count(
        photos,
        "of the {asked} nearest photos, {n} is related and labelled so.",
        "of the {asked} nearest photos, {n} are related and labelled so.",
        asked=asked,
    )
    return f"{seems}: {told}"


def _bars(votes: Votes, most: int) -> str:
    rows = votes.named[:most]
    others = sum(photos for _, photos in votes.named[most:])
    if others:
        rows = [*rows, (say("others"), others)]
    bars = "".join(
        f'<span class="name" title="{html.escape(name)}">{html.escape(name)}</span>'
        f'<span class="bar"><i style="width: {photos / votes.asked:.0%}"></i></span>'
        f'<span class="count">{number(photos)}</span>'
        for name, photos in rows
    )
    return f'<div class="bars">{bars}</div>' if bars else ""
