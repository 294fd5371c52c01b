"""Selected hits, to be taken elsewhere: their files, a table of them, or a contact sheet."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection
from functools import partial
from io import BytesIO

import streamlit as st

from simsearch import Hit, Library
from simsearch.ui.words import file_size, say, say_count

MOST = 1_000_000_000  # bytes of an archive: Streamlit holds what is downloaded in memory
_MIME = {"zip": "application/zip", "csv": "text/csv", "pdf": "application/pdf"}

# The bar floats over the window's lower edge, so that nothing moves when it comes.
STYLE = """
<style>
  .st-key-taking { position: fixed; left: 50%; bottom: 1rem; translate: -50% 0; z-index: 99;
      width: max-content; max-width: calc(100vw - 1.5rem); align-items: center; padding: .35rem 1rem;
      border-radius: .75rem; gap: .25rem 1.25rem; border: 1px solid rgba(128, 128, 128, .35);
      background: color-mix(in srgb, Canvas 90%, transparent); backdrop-filter: blur(14px);
      box-shadow: 0 4px 18px rgba(0, 0, 0, .22); }
  .st-key-taking > :has(.st-key-taking-clear), .st-key-taking > .st-key-taking-clear { margin-left: auto; }
  .st-key-taking button p { white-space: nowrap; }
  /* On a phone two rows: how many and Clear, and below them what can be had, in words alone. */
  @media (max-width: 640px) {
      .st-key-taking { width: calc(100vw - 1.5rem); padding: .25rem .75rem; gap: 0 .6rem; }
      .st-key-taking > :has(p strong) { order: -2; flex: 1 1 55%; }
      .st-key-taking > :has(.st-key-taking-clear), .st-key-taking > .st-key-taking-clear { order: -1; }
      .st-key-taking button p { font-size: .85rem; }
      .st-key-taking .stDownloadButton span:has(> [data-testid="stIconMaterial"]) { display: none; }
  }
</style>
"""


def show(library: Library, selected: list[Hit], clear: Callable[[], None], *, shown: Collection[int]) -> None:
    """Show how many hits are selected, and offer to take them elsewhere; nothing where there are none.

    Parameters
    ----------
    clear
        What is called when none is to be selected any more.
    shown
        The ids of the photos that are in sight: a filter may hide what was selected before.
    """
    selected = _known(library, selected)
    if not selected:
        return
    there = [hit for hit in selected if not hit.offline]
    size = library.bytes_of(there)
    st.html(STYLE)
    with st.container(key="taking", horizontal=True, gap="small"):
        st.markdown(f"**{_counted(selected, shown)}**", width="content")
        _offer(
            say("Photos (ZIP, {size})", size=file_size(size)),
            "zip",
            partial(_as_zip, library, there),
            icon=":material/folder_zip:",
            disabled=not there or size > MOST,
        )
        _offer(say("List (CSV)"), "csv", partial(_as_csv, library, selected), icon=":material/table:")
        _offer(
            say("Contact sheet (PDF)"),
            "pdf",
            partial(_as_contact_sheet, library, selected),
            icon=":material/grid_on:",
        )
        label = say("Clear")
        st.button(label, key="taking-clear", type="tertiary", icon=":material/close:", on_click=clear)
        _explain(len(selected) - len(there), size)


def _known(library: Library, photos: list[Hit]) -> list[Hit]:
    """Return the photos that have not been forgotten meanwhile."""
    there = library.paths(hit.id for hit in photos)
    return [hit for hit in photos if hit.id in there]


def _counted(selected: list[Hit], shown: Collection[int]) -> str:
    hidden = sum(hit.id not in shown for hit in selected)
    if not hidden:
        return say("{n} selected", n=len(selected))
    if hidden == len(selected):
        return say("{n} selected, not shown", n=hidden)
    return say("{n} selected, {hidden} not shown", n=len(selected), hidden=hidden)


def _explain(away: int, size: int) -> None:
    """Say what the archive will not hold, and why there is none."""
    if size > MOST:
        text = say(
            "{size} are too much for one download, which may have {most}: select fewer photos, or take the "
            "list and copy by it.",
            size=file_size(size),
            most=file_size(MOST),
        )
        st.caption(text)
    elif away:
        st.caption(
            say_count(
                away,
                "{n} is not there just now, and will not be among the photos.",
                "{n} are not there just now, and will not be among the photos.",
            )
        )


def _offer(label: str, kind: str, make: Callable[[], bytes], *, icon: str, disabled: bool = False) -> None:
    """Offer a file that is made once it is asked for."""
    st.download_button(
        label,
        make,
        f"{say('photos')}.{kind}",
        _MIME[kind],
        key=f"taking-{kind}",
        type="tertiary",
        icon=icon,
        on_click="ignore",
        disabled=disabled,
    )


# These are called from another thread, where nobody is to be spoken to.


def _as_zip(library: Library, photos: list[Hit]) -> bytes:
    with tempfile.TemporaryFile() as file:
        library.export(photos, zip=file)
        file.seek(0)
        return file.read()


def _as_csv(library: Library, photos: list[Hit]) -> bytes:
    file = BytesIO()
    library.export(photos, csv=file)
    return file.getvalue()


def _as_contact_sheet(library: Library, photos: list[Hit]) -> bytes:
    file = BytesIO()
    library.export(photos, contact_sheet=file)
    return file.getvalue()
