"""Albums: their covers, and of one that is open its photos, which thumbs take in and put out."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial

import streamlit as st

from simsearch import Hit, Library, SimsearchError
from simsearch.ui import grid, places, ready, taste, thumbs
from simsearch.ui.words import plain, say, say_count, show_error

_COVER = 4  # photos
_AT_ONCE = 60  # photos of an open album; more are shown on request
_EXAMPLES = 24  # of each sort, likewise
_SHOWN, _TOLD, _PROBLEM, _NEW = "album-shown", "album-examples", "album-problem", "new-name"
_LEAVING = "album-leaving"

# The name is a button, whose reach is the whole card.
_STYLE = """
<style>
  .st-key-albums {
      display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1.5rem;
      align-items: start;
  }
  [class*="st-key-card-"] { gap: .25rem; position: relative; }
  [class*="st-key-card-"] [class*="st-key-open-"] { position: static; }
  [class*="st-key-card-"] button {
      justify-content: flex-start; text-align: left; min-height: 1.75rem; padding: 0; position: static;
  }
  [class*="st-key-card-"] button p { font-weight: 600; overflow-wrap: anywhere; }
  [class*="st-key-card-"] button::after { content: ""; position: absolute; inset: 0; border-radius: .75rem; }
  [class*="st-key-card-"] button:focus-visible { box-shadow: none; }
  [class*="st-key-card-"] button:focus-visible::after { outline: 3px solid #c4374a; outline-offset: 3px; }
  [class*="st-key-card-"]:hover .cover { filter: brightness(1.06); }
  .cover {
      display: grid; grid-template-columns: 1fr 1fr; grid-auto-rows: 1fr; gap: 3px; aspect-ratio: 4 / 3;
      border-radius: .75rem; overflow: hidden; background: rgba(128, 128, 128, .12);
  }
  .cover img { width: 100%; height: 100%; min-height: 0; object-fit: cover; display: block; }
  .cover img:only-child { grid-column: 1 / 3; }
  .cover img:first-child:nth-last-child(3) { grid-row: 1 / 3; }
  .count { font-size: .85rem; opacity: .7; }
  .st-key-album-head { align-items: center; }
  .st-key-album-head > :has(h3) + * { margin-right: auto; }
  .st-key-album-head h3 { padding: 0; overflow-wrap: anywhere; }
  @media (max-width: 640px) {
      .st-key-albums { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1.25rem .75rem; }
  }
</style>
"""


def show(library: Library) -> None:
    """Show the album that is open, or all."""
    if photo := st.session_state.pop(_LEAVING, None):
        places.search_like(photo)
    st.html(taste.STYLE + _STYLE)
    ready.load(library)
    if problem := st.session_state.pop(_PROBLEM, None):
        show_error(problem)
    name = st.session_state.get(places.ALBUM)
    if name is not None and name in library.albums:
        _show_one(library, library.albums[name].name)
    else:
        _show_all(library)


# All


def _show_all(library: Library) -> None:
    st.subheader(say("Albums"), anchor=False)
    albums = [*library.albums]
    if not albums:
        st.write(
            say(
                "None yet. Search with a picture, like what you find, and save it as an album: "
                "it holds the photos that belong together with those, and takes up new ones as they arrive."
            )
        )
        if st.button(say("Search"), icon=":material/image_search:"):
            places.go_to_search()
        return
    with st.container(key="albums"):
        for number, album in enumerate(albums):
            with st.container(key=f"card-{number}"):
                photos = library.albums.photos(album.name, most=_COVER)
                st.html(_cover(library, album.name, photos))
                st.button(
                    plain(album.name),
                    key=f"open-{number}",
                    type="tertiary",
                    on_click=_open,
                    args=(album.name,),
                )
                st.html(f'<div class="count">{_counted(library.albums.count(album.name))}</div>')


def _cover(library: Library, name: str, photos: list[Hit]) -> str:
    """Return the first photos of an album in a frame; where there are none, what is liked."""
    sources = [thumbs.small(library, library.stamp, hit) for hit in photos]
    if not photos:
        liked = [example.jpeg for example in library.albums.examples(name) if example.liked]
        sources = [thumbs.address(jpeg) for jpeg in liked[:_COVER]]
    pictures = "".join(f'<img src="{source}" alt="">' for source in sources if source)
    return f'<div class="cover" title="{html.escape(name)}">{pictures}</div>'


def _counted(count: int) -> str:
    return say_count(count, "{n} photo", "{n} photos")


def _open(name: str | None) -> None:
    st.session_state[places.ALBUM] = name
    st.session_state.pop(_SHOWN, None)
    st.session_state.pop(_TOLD, None)


# One


def _show_one(library: Library, name: str) -> None:
    st.button(say("All albums"), icon=":material/arrow_back:", type="tertiary", on_click=_open, args=(None,))
    count, shown = library.albums.count(name), st.session_state.get(_SHOWN, _AT_ONCE)
    photos = library.albums.photos(name, most=shown)
    with st.container(key="album-head", horizontal=True, gap="small"):
        st.subheader(plain(name), anchor=False, width="content")
        st.caption(_counted(count), width="content")
        with st.popover(say("Rename"), icon=":material/edit:"), st.form("rename", border=False):
            st.text_input(say("Name"), name, max_chars=100, key=_NEW)
            st.form_submit_button(
                say("Rename"), icon=":material/check:", on_click=_rename, args=(library, name)
            )
        with st.popover(say("Drop"), icon=":material/delete:"):
            st.write(say("The album and its examples are forgotten. No photo is touched."))
            drop = partial(library.albums.drop, name)
            st.button(say("Drop this album"), type="primary", on_click=_try, args=(drop,))
    _show_examples(library, name)
    if photos and not library.albums.knows_scores:
        st.caption(
            say("What belongs together cannot be told in so small a library: only what is liked is here.")
        )
    elif photos and count <= shown and not any(hit.trust for hit in photos):
        st.caption(say("Nothing else in the library is like these enough: only what is liked is here."))
    grid.show(library, photos, "hits-album", _deeds(library, name))
    if count > shown:
        st.button(say("Show {n} more", n=min(count - shown, _AT_ONCE)), on_click=_show_more, args=(shown,))


def _show_examples(library: Library, name: str) -> None:
    examples, most = library.albums.examples(name), st.session_state.get(_TOLD, _EXAMPLES)
    left = 0
    with st.container(key="taste", horizontal=True, gap="small"):
        for words, liked in zip(map(say, taste.SAID), (True, False), strict=True):
            some = [example for example in examples if example.liked == liked]
            if some:
                st.markdown(words, width="content")
            left = max(left, len(some) - most)
            for number, example in enumerate(some[:most], 1):
                take_back = partial(_try, partial(library.albums.take_back, name, example.id))
                taste.show_example(f"{example.id}", example.jpeg, f"{words} {number}", take_back)
        if left > 0:
            st.button(say("Show more"), type="tertiary", on_click=_tell_more, args=(most,))


def _tell_more(most: int) -> None:
    st.session_state[_TOLD] = most + _EXAMPLES


def _deeds(library: Library, name: str) -> dict[str, grid.Deed]:
    def like(hit: Hit) -> None:
        _try(partial(library.albums.like, name, hit))

    def dislike(hit: Hit) -> None:
        _try(partial(library.albums.dislike, name, hit))

    return {
        "open": grid.Deed(_search_like, say("More like this")),
        "like": grid.Deed(like, say("It belongs here, and so does what is like it")),
        "dislike": grid.Deed(dislike, say("It does not belong here")),
        "more": grid.Deed(_search_like, say("More like this")),
    }


def _search_like(hit: Hit) -> None:
    st.session_state[_LEAVING] = hit  # only a run of the page can lead to another


def _rename(library: Library, name: str) -> None:
    def rename() -> None:
        library.albums.rename(name, st.session_state[_NEW])
        st.session_state[places.ALBUM] = st.session_state[_NEW]

    _try(rename)


def _try(change: Callable[[], None]) -> None:
    """Change an album; where that cannot be, have it said at the top of the page."""
    try:
        change()
    except SimsearchError as error:
        st.session_state[_PROBLEM] = error


def _show_more(shown: int) -> None:
    st.session_state[_SHOWN] = shown + _AT_ONCE
