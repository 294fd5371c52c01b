"""The script Streamlit runs: opens the library and shows the page that is asked for."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from simsearch import Library, NoLibrary, SimsearchError
from simsearch.ui import albums, compare, exam, groups, keep_offline, learn, look, places, search, welcome
from simsearch.ui import library as library_page
from simsearch.ui import map as map_page
from simsearch.ui.words import say, show_error

# Drawn here: an icon by name would be fetched from the web, and nothing is to leave this machine.
_ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#c4374a"
stroke-width="3" stroke-linecap="round"><circle cx="10" cy="10" r="7"/>
<path d="M15.5 15.5 21.5 21.5"/></svg>"""
_KEY = "library-key"  # of the library that the session knows


# One that was deleted or replaced is left to the garbage collection: other sessions may use it yet.
@st.cache_resource(show_spinner=False, validate=Library.is_there)
def _library() -> Library:
    return Library.open(create=False)


def _library_if_any() -> Library | None:
    try:
        return _library()
    except NoLibrary:
        return None


def main() -> None:
    """Show the page that is asked for: searching, unless it is another."""
    keep_offline()
    st.set_page_config("simsearch", page_icon=_ICON, layout="wide")
    look.show()
    pages = [
        st.Page(_on_the_library(_search), title=say("Search"), icon=":material/image_search:", default=True),
        st.Page(
            _on_the_library(albums.show),
            title=say("Albums"),
            icon=":material/photo_album:",
            url_path="albums",
        ),
        st.Page(
            _on_the_library(groups.show),
            title=say("Groups"),
            icon=":material/filter_none:",
            url_path="groups",
        ),
        st.Page(
            _on_the_library(map_page.show),
            title=say("Map"),
            icon=":material/scatter_plot:",
            url_path="map",
        ),
        st.Page(_on_the_library(learn.show), title=say("Learn"), icon=":material/school:", url_path="learn"),
        st.Page(
            _on_the_library(compare.show), title=say("Compare"), icon=":material/balance:", url_path="compare"
        ),
        st.Page(_on_the_library(exam.show), title=say("Exam"), icon=":material/fact_check:", url_path="exam"),
        st.Page(
            _on_the_library(library_page.show, empty_too=True),
            title=say("Library"),
            icon=":material/photo_library:",
            url_path="library",
        ),
    ]
    places.remember(search=pages[0], albums=pages[1], exam=pages[6])
    page = st.navigation(pages, position="top")
    places.arrive(page.url_path)
    page.run()


def _forget_others(library: Library | None) -> None:
    """Forget all that this session knows of another library: its photos have other numbers."""
    if library is None:
        return
    known, st.session_state[_KEY] = st.session_state.get(_KEY, library.key), library.key
    if known != library.key:
        st.session_state.clear()
        st.query_params.clear()
        st.rerun()


def _search(library: Library) -> None:
    library_page.show_strip(library)
    search.show(library)


def _on_the_library(show: Callable[[Library], None], *, empty_too: bool = False) -> Callable[[], None]:
    def page() -> None:
        try:
            library = _library_if_any()
            _forget_others(library)
            if library is not None and (len(library) or (empty_too and library.roots())):
                show(library)
            else:
                welcome.show(library)
        except SimsearchError as error:
            show_error(error)

    return page


if __name__ == "__main__":
    main()
