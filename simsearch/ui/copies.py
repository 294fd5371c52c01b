"""Copies: files that show the same, which of them is the best, and what could go."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import streamlit as st

from simsearch import CopyGroup, Hit, Library
from simsearch.ui import decided, hunt, paging, versions
from simsearch.ui.hunt import Hunt
from simsearch.ui.versions import Place
from simsearch.ui.words import file_size, noted, say, say_count

_PAGE = "copies-page"
_EVERYWHERE = noted("All folders")


def show(library: Library) -> None:
    """Show the copies that were found, or how far the search for them is."""
    st.html(versions.STYLE + decided.STYLE)
    found = hunt.found(library)
    if found is None or found.groups is None:
        return
    decided.note(library)
    if found.key[0] != library.stamp:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(say("The library has changed since these were found."), width="content")
            st.button(say("Look again"), icon=":material/refresh:", on_click=hunt.forget)
    if found.groups:
        _show_found(library, found)
    else:
        st.info(_none_found(len(library)), icon=":material/check:")
    decided.show(library)


def _none_found(photos: int) -> str:
    if decided.count():
        return say("No copies that you have not decided about found among {n} photos.", n=photos)
    return say_count(photos, "No copies found among {n} photo.", "No copies found among {n} photos.")


def _show_found(library: Library, found: Hunt) -> None:
    groups = _narrowed(library, found)
    copies = [copy for group in groups for copy in group.copies]
    could_go = sum(copy.size for copy in copies if not copy.kept and copy.relation != "crop")
    counts = (
        say_count(len(groups), "{n} group", "{n} groups"),
        say_count(len(copies), "{n} copy", "{n} copies"),
    )
    size = file_size(could_go)
    told = say("{size} could go, crops not counted", size=size) if could_go else ""
    st.markdown("; ".join(filter(None, (f"**{', '.join(counts)}**", told))) + ".")
    st.caption(
        say(
            "Nothing is deleted or moved here; your photos are only read. What you decide holds from now on, "
            "and can be taken back. The script, when you run it, moves worse versions to a folder that you "
            "name."
        )
    )
    if groups:
        _offer_files(library, groups)
    place = Place(library, found.key[0], library.roots())
    for group in paging.page(_PAGE, groups):
        with st.container(border=True, key=f"card-{group.best.id}"):
            versions.show(place, group)


def _narrowed(library: Library, found: Hunt) -> list[CopyGroup]:
    """Let be chosen which copies to show, and return their groups."""
    left, right = st.columns([1, 1], gap="medium", vertical_alignment="bottom")
    relation = left.segmented_control(
        say("How they are the same"),
        list(versions.RELATIONS),
        format_func=lambda relation: say(versions.RELATIONS[relation]),
        on_change=paging.first,
        args=(_PAGE,),
        help=say("All of them, where none is chosen"),
    )
    folder = right.selectbox(
        say("Folder"),
        [_EVERYWHERE, *_folders(found, found.key, library.roots())],
        format_func=lambda folder: say(_EVERYWHERE) if folder == _EVERYWHERE else folder,
        on_change=paging.first,
        args=(_PAGE,),
        help=say("Groups with a photo below it"),
    )
    below = "" if folder == _EVERYWHERE else os.path.join(folder, "")
    return list(_chosen(found.groups or [], relation, below))


@st.cache_resource(max_entries=2, show_spinner=False)
def _folders(_found: Hunt, key: tuple[str, int], roots: list[Path]) -> list[str]:
    """Return the folders that copies lie in, and those around them, up to the indexed ones."""
    folders: set[Path] = set()
    for folder in {photo.path.parent for group in _found.groups or [] for photo in _photos(group)}:
        for around in (folder, *folder.parents):
            folders.add(around)
            if around in roots:
                break
    return [str(folder) for folder in sorted(folders)]


def _chosen(groups: Iterable[CopyGroup], relation: str | None, below: str) -> Iterable[CopyGroup]:
    for group in groups:
        copies = tuple(copy for copy in group.copies if relation in (None, *copy.relations))
        if copies and (not below or any(str(photo.path).startswith(below) for photo in _photos(group))):
            yield group if copies == group.copies else group._replace(copies=copies)


def _photos(group: CopyGroup) -> list[Hit]:
    return [group.best, *(copy.photo for copy in group.copies)]


def _offer_files(library: Library, groups: list[CopyGroup]) -> None:
    """Offer the groups as files, made when they are asked for: by then more may be decided."""
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            say("List (CSV)"),
            lambda: library.groups.as_csv(decided.as_decided(library, groups)),
            "copies.csv",
            "text/csv",
            icon=":material/table:",
            on_click="ignore",
        )
        st.download_button(
            say("Script that moves the worse aside"),
            lambda: library.groups.as_script(decided.as_decided(library, groups)),
            "move-copies.sh",
            "text/x-shellscript",
            icon=":material/terminal:",
            on_click="ignore",
            help=say(
                "For you to read and run. It overwrites nothing, and leaves crops and what you keep alone."
            ),
        )
