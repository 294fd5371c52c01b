"""What is to be learnt: a lesson, and which folders, albums or labels are kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from simsearch import Library, SimsearchError
from simsearch.ui import votes
from simsearch.ui.words import noted, number, plain, say, say_count, show_error

_LESSONS = {
    "folders": noted("What tells kinds apart"),
    "photos": noted("Only what your photos differ in"),
    "off": noted("Nothing"),
}
_ABOUT = {
    "folders": noted(
        "Photos of one kind move together, in searches and votes. What it gains is measured first."
    ),
    "photos": noted(
        "The main directions of the whole collection, as it is done by itself; no kinds are needed."
    ),
    "off": noted("Photos are compared as the network sees them."),
}
_WAYS = {
    "all": noted("All folders"),
    "under": noted("The folders below one"),
    "folders": noted("Chosen folders"),
    "albums": noted("Albums"),
    "file": noted("A list in a file"),
}
_DEPTHS = {  # how many of the network's blocks are trained, None where it stays as it is
    None: noted("In seconds, from what the network sees"),
    0: noted("In minutes: new features are trained beside those of the network"),
    1: noted("In minutes: the network's last block is trained as well"),
}
_NAMED = 5  # kinds that a sentence names


class Wish(NamedTuple):
    """What :meth:`Library.learn` is asked for; ``labels`` as pairs, or the content of a CSV file.

    Where ``deep`` is given, :meth:`Library.learn_deep` is asked, for so many blocks to be trained. Where the
    labels are many, they follow from ``albums``: to hash these takes no time.
    """

    lesson: str
    labels: tuple[tuple[int | str, str], ...] | bytes | None = None
    under: str | None = None
    force: bool = False
    albums: tuple[tuple[Hashable, ...], ...] = ()
    deep: int | None = None

    @property
    def key(self) -> Wish:
        """Tells it from others, in a few bytes."""
        return self._replace(labels=None) if self.albums else self

    def options(self) -> dict[str, Any]:
        """Return the options of :meth:`Library.learn` and :meth:`Library.kinds_to_learn`."""
        if self.labels is None:
            return {"under": self.under}
        return {"labels": self.labels if isinstance(self.labels, bytes) else dict(self.labels)}

    def learn(self, library: Library, progress: Callable[[str, int, int], None]) -> dict[str, Any]:
        """Learn it."""
        if self.lesson != "folders":
            return library.learn(self.lesson, progress=progress)
        if self.deep is not None:
            return library.learn_deep(
                **self.options(),
                unfreeze=self.deep,
                force=self.force,
                progress=lambda told: progress(told["doing"], told["done"], told["total"]),
            )
        return library.learn("folders", **self.options(), force=self.force, progress=progress)


@st.cache_data(max_entries=4, show_spinner=False)
def _kinds(_library: Library, stamp: str, key: Wish, _wish: Wish) -> dict[str, Any]:
    return _library.kinds_to_learn(**_wish.options())


@st.cache_data(max_entries=2, show_spinner=False)
def count_labels(_library: Library, stamp: str) -> int:
    """Return how many photos have a label."""
    return len(_library.labels())


@st.cache_data(max_entries=2, show_spinner=False)
def _folders(_library: Library, stamp: str) -> dict[str, int]:
    """Return how many photos are in each folder and below it, also in those that only hold folders."""
    roots = _library.roots()
    counted: Counter[str] = Counter()
    for name, count in _library.folders().items():
        folder = Path(name)
        for one in (folder, *folder.parents):
            if not any(one.is_relative_to(root) for root in roots):
                break
            counted[name] += count
            name = name.rpartition("/")[0] or "/"  # str() of a path is no address
    return {folder: counted[folder] for folder in sorted(counted, key=lambda folder: Path(folder).parts)}


@st.cache_data(max_entries=2, show_spinner=False)
def _short(_library: Library, stamp: str) -> dict[str, str]:
    folders = [*_folders(_library, stamp)]
    return dict(zip(folders, votes.shown(folders, _library.roots()), strict=True))


@st.cache_data(max_entries=20, show_spinner=False)
def _photos_of(_library: Library, stamp: str, album: str, key: Hashable) -> list[int]:
    return [photo.id for photo in _library.albums.photos(album)]


def choose(library: Library, learnt: dict[str, Any]) -> Wish | None:
    """Let a lesson be chosen, and say what it would be learnt from; return it where it can be learnt."""
    lessons = [*_LESSONS]
    lesson = st.radio(
        say("What is to be learnt"),
        lessons,
        index=lessons.index("photos" if learnt["lesson"] == "off" else "folders"),
        format_func=lambda name: say(_LESSONS[name]),
        captions=[say(_ABOUT[name]) for name in lessons],
        key="learn-lesson",
    )
    if lesson != "folders":
        return Wish(lesson)
    way = st.radio(
        say("The kinds are"),
        [way for way in _WAYS if way != "albums" or [*library.albums]],
        format_func=lambda name: say(_WAYS[name]),
        horizontal=True,
        key="learn-way",
    )
    try:
        wish = _WISHES[way](library)
        return wish._replace(deep=_choose_depth()) if wish and _show_kinds(library, wish) else None
    except SimsearchError as error:
        show_error(error)
        return None


def _choose_depth() -> int | None:
    """Let it be chosen whether a network is trained."""
    depth = st.radio(
        say("How it is learnt"), [*_DEPTHS], format_func=lambda one: say(_DEPTHS[one]), key="learn-depth"
    )
    if depth is not None:
        st.caption(
            say(
                "What is trained is measured on photos held out, and used only where it finds clearly better "
                "than what is learnt in seconds. Photos of kinds that it is not told of are found less well: "
                "in what was measured, they lost 4 to 6 of 100 hits."
            )
        )
    return depth


def _wish_all(library: Library) -> Wish:
    return Wish("folders")


def _wish_below(library: Library) -> Wish:
    folders, short = _folders(library, library.stamp), _short(library, library.stamp)
    chosen = st.selectbox(
        say("Below which folder"),
        [*folders],
        format_func=lambda folder: f"{short[folder]} · {number(folders[folder])}",
        key="learn-under",
    )
    return Wish("folders", under=chosen)


def _wish_folders(library: Library) -> Wish | None:
    folders, short = _folders(library, library.stamp), _short(library, library.stamp)
    chosen = st.multiselect(
        say("Folders that are kinds"),
        [*folders],
        format_func=lambda folder: f"{short.get(folder, folder)} · {number(folders.get(folder, 0))}",
        placeholder=say("Type to search"),
        key="learn-folders",
    )
    if not chosen:
        st.caption(say("Each folder stands for all photos below it, also for those that come later."))
        return None
    return Wish("folders", labels=tuple((folder, _name_of(folder, short[folder])) for folder in chosen))


def _name_of(folder: str, short: str) -> str:
    """Let the kind of a folder be named."""
    own = Path(folder).name
    name = st.text_input(
        say("Kind of {folder}", folder=plain(short)),
        own,
        key=f"learn-name-{folder}",
        help=say("Two folders of the same name are one kind."),
    )
    return name.strip() or own


def _wish_albums(library: Library) -> Wish | None:
    chosen = st.multiselect(
        say("Albums that are kinds"),
        [album.name for album in library.albums],
        placeholder=say("Type to search"),
        key="learn-albums",
    )
    if not chosen:
        st.caption(say("All photos of an album are of one kind."))
        return None
    albums = tuple(album for album in library.albums if album.name in chosen)
    kinds: dict[int, set[str]] = {}
    for album in albums:
        for photo in _photos_of(library, library.stamp, album.name, album):
            kinds.setdefault(photo, set()).add(album.name)
    several = sum(len(names) > 1 for names in kinds.values())
    if several:
        st.caption(
            say_count(
                several,
                "{n} photo is in several of them and left out.",
                "{n} photos are in several of them and left out.",
            )
        )
    labels = tuple((photo, min(names)) for photo, names in kinds.items() if len(names) == 1)
    return Wish("folders", labels, albums=albums)


# Streamlit's field speaks English only.
_FILE_STYLE = """
<style>
  .st-key-learn-file [data-testid="stFileUploaderDropzoneInstructions"] { display: none; }
  .st-key-learn-file [data-testid="stFileUploaderDropzoneInput"] { visibility: hidden; }
  .st-key-learn-file section button [data-testid="stMarkdownContainer"] p { display: none; }
  .st-key-learn-file section button [data-testid="stMarkdownContainer"]::after { content: "CHOOSE"; }
</style>
"""


def _wish_file(library: Library) -> Wish | None:
    st.html(_FILE_STYLE.replace("CHOOSE", say("Choose a file")))
    uploaded = st.file_uploader(say("A CSV file"), ["csv", "tsv", "txt"], key="learn-file")
    st.caption(
        say("In each line the path of a photo and its label; paths are absolute, or below an indexed folder.")
    )
    return Wish("folders", labels=uploaded.getvalue()) if uploaded else None


_WISHES: dict[str, Callable[[Library], Wish | None]] = {
    "all": _wish_all,
    "under": _wish_below,
    "folders": _wish_folders,
    "albums": _wish_albums,
    "file": _wish_file,
}


def _show_kinds(library: Library, wish: Wish) -> bool:
    """Say what would be learnt from; return whether there are two kinds."""
    told = _kinds(library, library.stamp, wish.key, wish)
    sizes, small = told["sizes"], set(told["small"])
    names = dict(zip(sizes, votes.shown([*sizes], library.roots()), strict=True))
    large = {kind: count for kind, count in sizes.items() if kind not in small}
    photos = say_count(sum(large.values()), "{n} photo", "{n} photos")
    st.markdown(say_count(len(large), "**{n} kind**, {photos}", "**{n} kinds**, {photos}", photos=photos))
    if large:
        with st.expander(say("The kinds")):
            st.dataframe(
                {say("Kind"): [names[kind] for kind in large], say("Photos"): [*large.values()]},
                hide_index=True,
            )
    if small:
        listed = _some([names[kind] for kind in told["small"]])
        st.caption(
            say_count(
                len(small),
                "{n} kind has fewer than {fewest} photos and teaches nothing: {names}",
                "{n} kinds have fewer than {fewest} photos and teach nothing: {names}",
                fewest=told["fewest"],
                names=listed,
            )
        )
    show_unknown(told["unknown"])
    if len(large) < 2:
        st.info(say("It takes two kinds of {fewest} photos or more each.", fewest=told["fewest"]))
        return False
    if wish.labels is not None and (labels := count_labels(library, library.stamp)):
        st.caption(
            say_count(
                labels,
                "The label that {n} photo has is replaced.",
                "The labels that {n} photos have are replaced.",
            )
        )
    return True


def show_unknown(paths: list[str]) -> None:
    """Say which paths of a list are not in the library."""
    if paths:
        st.caption(
            say_count(
                len(paths),
                "{n} path is not in the library: {names}",
                "{n} paths are not in the library: {names}",
                names=_some(paths),
            )
        )


def _some(names: list[str]) -> str:
    more = [say("{n} more", n=len(names) - _NAMED)] if len(names) > _NAMED else []
    return plain(", ".join([*names[:_NAMED], *more]))
