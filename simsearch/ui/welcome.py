"""The first visit: what this is, one field to point at a folder of photos, and how far they are."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from simsearch import Library
from simsearch.ui import library as library_page
from simsearch.ui.ready import is_busy
from simsearch.ui.words import plain, say

_USUAL = ("Pictures", "Bilder", "Photos", "Fotos", "DCIM")  # below the home folder

# Photos of a few kinds, and one that a lens finds among them; drawn here, as nothing is fetched from the web.
_PICTURE = """
<svg viewBox="0 0 640 200" xmlns="http://www.w3.org/2000/svg">
  <style>.card {fill: #fff; stroke: rgba(128, 128, 128, .35)}</style>
  <g transform="rotate(-7 120 105)"><rect class="card" x="60" y="45" width="130" height="110" rx="8"/>
    <rect x="68" y="53" width="114" height="94" rx="4" fill="#8fc1dd"/>
    <path d="M68 147v-22l32-34 26 28 18-16 38 34v10z" fill="#4c7d5c"/>
    <circle cx="156" cy="76" r="10" fill="#f6d365"/></g>
  <g transform="rotate(4 260 100)"><rect class="card" x="195" y="40" width="130" height="110" rx="8"/>
    <rect x="203" y="48" width="114" height="94" rx="4" fill="#f3dcc4"/>
    <path d="M236 82h40v26a14 14 0 0 1-14 14h-12a14 14 0 0 1-14-14z" fill="#b5563c"/>
    <path d="M276 88h6a9 9 0 0 1 0 18h-6" fill="none" stroke="#b5563c" stroke-width="5"/></g>
  <g transform="rotate(-3 395 105)"><rect class="card" x="330" y="45" width="130" height="110" rx="8"/>
    <rect x="338" y="53" width="114" height="94" rx="4" fill="#efe3f2"/>
    <path d="M371 88h40v26a14 14 0 0 1-14 14h-12a14 14 0 0 1-14-14z" fill="#8d5aa3"/>
    <path d="M411 94h6a9 9 0 0 1 0 18h-6" fill="none" stroke="#8d5aa3" stroke-width="5"/></g>
  <g transform="rotate(6 525 100)"><rect class="card" x="465" y="42" width="130" height="110" rx="8"/>
    <rect x="473" y="50" width="114" height="94" rx="4" fill="#2f4858"/>
    <circle cx="530" cy="92" r="22" fill="#f2a65a"/><path d="M530 114v26" stroke="#7fb069" stroke-width="5"/>
    <circle cx="530" cy="92" r="9" fill="#7b4b2a"/></g>
  <g fill="none" stroke="#c4374a" stroke-width="9" stroke-linecap="round">
    <circle cx="330" cy="102" r="66" fill="rgba(196, 55, 74, .06)"/><path d="M377 149 410 184"/></g>
</svg>"""

_STYLE = """
<style>
  .stMainBlockContainer { max-width: 52rem; padding-top: 4.5rem; }
  .welcome { display: block; width: 100%; max-height: 11rem; margin: 0 auto .5rem; }
  .stMainBlockContainer h1 { font-size: clamp(1.7rem, 5vw, 2.4rem); padding-top: 0; }
  .promises { display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; }
  .promises > div::before { content: "✓"; margin-right: .5rem; color: #3c8d5a; font-weight: 700; }
</style>
"""


def show(library: Library | None) -> None:
    """Show what this is and ask for a folder, or how far the first photos are.

    Parameters
    ----------
    library
        The library, which is empty, or None where there is none yet.
    """
    words = say("Photos, among which a magnifying glass finds two of one kind")
    picture = base64.b64encode(_PICTURE.encode()).decode()
    st.html(
        f'{_STYLE}<img class="welcome" src="data:image/svg+xml;base64,{picture}" alt="{html.escape(words)}">'
    )
    if library is not None and is_busy(library):  # an empty one is false
        st.title(say("Your photos are being looked at"), anchor=False)
        st.write(say("Searching begins with the first ones, in a moment."))
        library_page.show_run(library)
        return
    st.title(say("Which of your photos are like this one?"), anchor=False)
    st.write(
        say(
            "simsearch finds, in your own photos, the pictures most like one you have just been handed. "
            "It begins with a folder of photos."
        )
    )
    promises = (
        say("Nothing leaves this machine"),
        say("Photos are only read"),
        say("Search works from the first photos on"),
    )
    st.html(f'<div class="promises">{"".join(f"<div>{promise}</div>" for promise in promises)}</div>')
    if library is not None:
        library_page.show_told()
        library_page.show_run(library)
    open_library = Library.open if library is None else lambda: library
    library_page.ask_folder(open_library, say("The folder with your photos"))
    _suggest_folders(open_library)
    with st.expander(say("No photos at hand?")):
        st.write(say("In a terminal, let it draw some:"))
        st.code("simsearch demo", language="shell")


def _suggest_folders(open_library: Callable[[], Library]) -> None:
    """Offer the folders where photos usually are."""
    home = Path.home()
    there = {(home / name).resolve(): name for name in reversed(_USUAL) if (home / name).is_dir()}
    with st.container(horizontal=True):
        for folder, name in reversed(there.items()):
            label = say("Index {folder}", folder=plain(f"~/{name}"))
            if st.button(label, key=f"suggested-{name}", icon=":material/folder:"):
                library_page.start(open_library, str(folder))
