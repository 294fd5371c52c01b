"""A group of copies: the best, all others beside it, and what can be decided about each."""

from __future__ import annotations

import html
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from simsearch import Copy, CopyGroup, Hit, Library, SimsearchError
from simsearch.ui import decided, paging, thumbs
from simsearch.ui.words import day, file_size, noted, plain, say, say_count, told

RELATIONS = {"exact": noted("Identical"), "re-saved": noted("Re-saved"), "crop": noted("Crops")}
_COUNTED = {
    "exact": (noted("{n} exact"), noted("{n} exact")),
    "re-saved": (noted("{n} re-saved"), noted("{n} re-saved")),
    "crop": (noted("{n} crop"), noted("{n} crops")),
}
_MARKS = {
    "best": noted("best"),
    "exact": noted("exact"),
    "re-saved": noted("re-saved"),
    "crop": noted("crop"),
}
_KEEP_ALL, _TAKE_BACK = (
    (noted("Keep all"), noted("Keep all: {name} and its copies")),
    (noted("Take back"), noted("Take back: {name} and its copies")),
)
_AT_FIRST = 12  # copies of a group that are shown

# Versions stand in a grid of our own, two beside each other on a phone. Chips differ by their words, and take
# the text's colour.
STYLE = """
<style>
  [class*="st-key-grid-"] {
      display: grid; grid-template-columns: repeat(auto-fill, minmax(min(12rem, 45%), 1fr));
      gap: 1.25rem 1rem; align-items: start;
  }
  [class*="st-key-cell-"] { gap: .3rem; min-width: 0; }
  [class*="st-key-cell-"] button { min-height: 1.75rem; padding: 0 .6rem; }
  [class*="st-key-cell-"] button p { font-size: .8rem; }
  [class*="st-key-cell-"] [data-testid="stHorizontalBlock"] { gap: .25rem; }
  [class*="st-key-cell-"] [role="radiogroup"] { flex-wrap: wrap; mask: none; overflow: visible; }
  [class*="st-key-head-"] .what { font-weight: 600; }
  .version { margin: 0; font-size: .8rem; line-height: 1.4; overflow-wrap: anywhere; }
  .version img, .version .gone {
      width: 100%; height: 10rem; object-fit: contain; border-radius: .4rem; box-sizing: border-box;
      background: rgba(128, 128, 128, .1); margin-bottom: .3rem;
  }
  .version.best img { outline: 2px solid rgba(34, 139, 84, .8); outline-offset: -2px; }
  .version .name { font-size: .85rem; font-weight: 600; }
  .version .chip { font-size: .72rem; font-weight: 500; padding: .05rem .5rem; border-radius: 1rem;
      background: rgba(128, 128, 128, .2); white-space: nowrap; }
  .version .chip.best { background: rgba(34, 139, 84, .28); }
  .version .where, .version .size { opacity: .75; }
  .version.decided img { opacity: .4; }
  .sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(16rem, 100%), 1fr)); gap: 1rem; }
  .sides figure { margin: 0; min-width: 0; font-size: .85rem; line-height: 1.45; overflow-wrap: anywhere; }
  .sides img { width: 100%; height: 55vh; object-fit: contain; border-radius: .5rem; margin-bottom: .4rem;
      background: rgba(128, 128, 128, .1); }
  @media (max-width: 640px) {
      .version img, .version .gone { height: 7rem; }
      .sides img { height: 32vh; }
      [class*="st-key-compare-"] [data-testid="stMarkdownContainer"] {
          position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
      }
  }
</style>
"""


class Place(NamedTuple):
    """Where photos are: their library, its stamp when they were found, and the indexed folders."""

    library: Library
    stamp: str
    roots: list[Path]


@st.fragment  # so that a decision draws nothing else anew
def show(place: Place, group: CopyGroup) -> None:
    """Show a group."""
    _show_head(place.library, group)
    decided.show_problem(group.best.id)
    name = f"more-of-{group.best.id}"
    shown = paging.beginning(name, group.copies, _AT_FIRST)
    with st.container(key=f"grid-{group.best.id}"):
        with st.container(key=f"cell-{group.best.id}"):
            st.html(_version(place, group.best, group.size, "best", _why_best(group)))
        for copy in shown:
            with st.container(key=f"cell-{group.best.id}-{copy.photo.id}"):
                _show_copy(place, group, copy)
    paging.offer_rest(name, len(group.copies) - len(shown))


def _show_head(library: Library, group: CopyGroup) -> None:
    counts = {name: sum(copy.relation == name for copy in group.copies) for name in RELATIONS}
    kinds = ", ".join(
        say_count(counts[name], one, many) for name, (one, many) in _COUNTED.items() if counts[name]
    )
    same = [copy.photo for copy in group.copies if decided.said(group, copy) != "different"]
    (label, hint), verdict, photos, icon = _KEEP_ALL, "keep", same, "done_all"
    if all(decided.said(group, copy) for copy in group.copies):
        photos = [copy.photo for copy in group.copies]
        (label, hint), verdict, icon = _TAKE_BACK, "undecided", "undo"
    with st.container(key=f"head-{group.best.id}", horizontal=True, vertical_alignment="center"):
        st.html(f'<div class="what">{kinds}</div>', width="stretch")
        st.button(
            say(label),
            key=f"all-{group.best.id}",
            icon=f":material/{icon}:",
            help=say(hint, name=plain(group.best.path.name)),
            on_click=decided.decide,
            args=(library, verdict, group, photos),
        )


def _show_copy(place: Place, group: CopyGroup, copy: Copy) -> None:
    said = decided.said(group, copy)
    st.html(_version(place, copy.photo, copy.size, copy.relation, _done(copy), is_decided=bool(said)))
    name = plain(copy.photo.path.name)
    key = f"verdict-{group.best.id}-{copy.photo.id}"
    st.session_state[key] = said  # what was decided elsewhere, too
    with st.container(horizontal=True, gap="small"):
        st.pills(
            say("Decide about {name}", name=copy.photo.path.name),  # only read out, as text
            decided.choices(copy, said),
            format_func=lambda verdict: say(decided.SAID[verdict]),
            key=key,
            label_visibility="collapsed",
            on_change=_decide,
            args=(place.library, group, copy, key),
        )
        if st.button(
            say("Compare it"),
            key=f"compare-{group.best.id}-{copy.photo.id}",
            type="tertiary",
            icon=":material/compare:",
            help=say("See {name} beside the best", name=name),
        ):
            _show_side_by_side(place.library, group, copy)


def _decide(library: Library, group: CopyGroup, copy: Copy, key: str) -> None:
    decided.decide(library, st.session_state[key] or "undecided", group, [copy.photo])


# A version, in HTML


def _version(place: Place, photo: Hit, size: int, mark: str, done: str, *, is_decided: bool = False) -> str:
    kind = "version decided" if is_decided else "version best" if mark == "best" else "version"
    away = f" · {say('offline')}" if photo.offline else ""
    pixels = say("{width} x {height}", width=photo.width, height=photo.height)
    return (
        f'<figure class="{kind}" title="{html.escape(str(photo.path))}">'
        f"{thumbs.img(place.library, place.stamp, photo)}<figcaption>"
        f'<div><span class="name">{html.escape(photo.path.name)}</span> {_chip(mark)}</div>'
        f'<div class="told">{html.escape(done)}</div>'
        f'<div class="size">{pixels} · {file_size(size)}{away}</div>'
        f'<div class="where">{html.escape(_folder(photo, place.roots))}</div></figcaption></figure>'
    )


def _chip(mark: str) -> str:
    return f'<span class="chip {mark}">{say(_MARKS[mark])}</span>'


def _why_best(group: CopyGroup) -> str:
    """Say in what the best is better than the others: in full where there is one reason."""
    reasons = dict.fromkeys(copy.reason for copy in group.copies if copy.reason != "as good")
    if len(reasons) > 1:  # each copy has its own beside it
        reasons = dict.fromkeys(reason.partition(":")[0] for reason in reasons)
    return _sentence("; ".join(map(told, reasons)) or say("as good as the others"))


def _done(copy: Copy) -> str:
    """Say what was done to a copy, and why the best is better."""
    as_good = copy.reason == "as good"
    better = say("Neither is better.") if as_good else say("The best: {reason}.", reason=told(copy.reason))
    done = f"{_sentence(', '.join(map(told, copy.changes)) or say('equal bytes'))} {better}"
    if copy.equal_to is None:
        return done
    # With the folder that it is in: a copy is often called the same.
    return f"{done} {say('It has the bytes of {name}.', name=Path(*copy.equal_to.path.parts[-2:]))}"


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _folder(photo: Hit, roots: list[Path]) -> str:
    """Return the folder of a photo from the indexed one on."""
    folder = photo.path.parent
    around = [root for root in roots if folder.is_relative_to(root)]
    return str(folder.relative_to(max(around).parent)) if around else str(folder)


# The best and a copy, larger


def _show_side_by_side(library: Library, group: CopyGroup, copy: Copy) -> None:
    # Made only here: its title is in the visitor's language.
    st.dialog(say("Side by side"), width="large")(_show_sides)(library, group, copy)


def _show_sides(library: Library, group: CopyGroup, copy: Copy) -> None:
    sides = (say("Best"), group.best, group.size), (say("Copy"), copy.photo, copy.size)
    st.html(
        f'<div class="sides">{"".join(_side(library, *side) for side in sides)}</div>'
        f'<div class="version">{_chip(copy.relation)} {html.escape(_done(copy))}</div>'
    )
    said = decided.said(group, copy)
    with st.container(horizontal=True):
        for verdict in ["undecided"] if said else decided.choices(copy, said):
            label = decided.SAID[verdict] if verdict in decided.SAID else _TAKE_BACK[0]
            if st.button(say(label), key=f"side-{verdict}"):
                decided.decide(library, verdict, group, [copy.photo])
                st.rerun()


def _side(library: Library, title: str, photo: Hit, size: int) -> str:
    try:
        picture = thumbs.large(library, photo)
    except SimsearchError as error:
        picture = f'<div class="gone">{html.escape(told(str(error)))}</div>'
    taken = ""
    if photo.taken_at:
        taken = say("taken {day}, {time}", day=day(photo.taken_at), time=f"{photo.taken_at:%H:%M}")
    facts = [
        say("{width} x {height} pixels", width=photo.width, height=photo.height) + f", {file_size(size)}",
        ", ".join(fact for fact in (taken, photo.camera) if fact),
        str(photo.path),
        say("offline: shown from its thumbnail") if photo.offline else "",
    ]
    lines = "<br>".join(html.escape(fact) for fact in facts if fact)
    return f"<figure>{picture}<figcaption><b>{title}</b><br>{lines}</figcaption></figure>"
