"""What was decided about copies: kept by the library, and taken back wherever it is shown."""

from __future__ import annotations

import html

import streamlit as st

from simsearch import Copy, CopyGroup, Hit, Library, SimsearchError
from simsearch.ui import hunt, paging, thumbs
from simsearch.ui.words import noted, say, say_count, show_error

SAID = {"keep": noted("Keep both"), "different": noted("Not the same")}
_VERDICTS, _PROBLEM, _PAGE = "verdicts", "decision-problem", "decided-page"

STYLE = """
<style>
  .decided-pair { display: flex; gap: .6rem; align-items: center; font-size: .85rem; }
  .decided-pair img, .decided-pair .gone { flex: none; width: 4rem; height: 4rem; object-fit: cover;
      border-radius: .35rem; overflow: hidden; box-sizing: border-box; }
  .decided-pair span { overflow-wrap: anywhere; min-width: 0; }
</style>
"""


def note(library: Library) -> None:
    """Read what was decided; until the next time, :func:`said` tells it."""
    st.session_state[_VERDICTS] = library.groups.verdicts()


def count() -> int:
    """Return of how many pairs something was decided."""
    return len(st.session_state.get(_VERDICTS, ()))


def said(group: CopyGroup, copy: Copy) -> str | None:
    """Return what was decided about a copy and the best of its group, if anything was."""
    verdicts = st.session_state.get(_VERDICTS)
    word: str | None = verdicts.of(group.best.id, copy.photo.id) if verdicts else None
    return word


def choices(copy: Copy, now: str | None) -> list[str]:
    """Return what can be decided: of equal bytes nobody can say that they are not the same."""
    return [word for word in SAID if copy.relation != "exact" or word in ("keep", now)]


def decide(library: Library, verdict: str, group: CopyGroup, photos: list[Hit]) -> None:
    """Decide about the best of a group and others; where that fails, :func:`show_problem` says why."""
    try:
        library.groups.decide(verdict, group.best, *photos)
        note(library)
    except SimsearchError as error:
        st.session_state[_PROBLEM] = group.best.id, error


def show_problem(place: int) -> None:
    """Show why it failed to decide about the group of a best photo; 0 is the list of what was decided."""
    where, error = st.session_state.get(_PROBLEM, (None, None))
    if where == place:
        del st.session_state[_PROBLEM]
        show_error(error)


def as_decided(library: Library, groups: list[CopyGroup]) -> list[CopyGroup]:
    """Return groups as they are after all decisions, without what is not the same."""
    verdicts = library.groups.verdicts()
    decided = []
    for group in groups:
        words = [(copy, verdicts.of(group.best.id, copy.photo.id)) for copy in group.copies]
        copies = tuple(copy._replace(kept=word is not None) for copy, word in words if word != "different")
        if copies:
            decided.append(group._replace(copies=copies))
    return decided


def show(library: Library) -> None:
    """Show on request what was decided, of each two photos, with a way to take it back."""
    show_problem(0)
    pairs = say_count(count(), "Show what you decided: {n} pair", "Show what you decided: {n} pairs")
    if not count() or not st.toggle(pairs, key="show-decided"):
        return
    for one, other, verdict in paging.page(_PAGE, library.groups.decisions()):
        with st.container(key=f"decided-{one.id}-{other.id}", horizontal=True, vertical_alignment="center"):
            names = {"one": html.escape(one.path.name), "other": html.escape(other.path.name)}
            pair = say("{one} and {other}", **names)
            pictures = "".join(thumbs.img(library, library.stamp, photo) for photo in (one, other))
            said = f"{pair}: <b>{say(SAID[verdict])}</b>"
            st.html(f'<div class="decided-pair">{pictures}<span>{said}</span></div>')
            st.button(
                say("Take back"),
                key=f"back-{one.id}-{other.id}",
                icon=":material/undo:",
                on_click=_take_back,
                args=(library, one, other),
            )


def _take_back(library: Library, one: Hit, other: Hit) -> None:
    try:
        library.groups.decide("undecided", one, other)
        hunt.forget()  # they may be in one group again
    except SimsearchError as error:
        st.session_state[_PROBLEM] = 0, error
