"""The script Streamlit runs: opens the library and shows the page that is asked for."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from simsearch import Library, NoLibrary, SimsearchError
from simsearch.ui import albums, compare, exam, groups, look, places, search
from simsearch.ui import library as library_page
from simsearch.ui import map as map_page
from simsearch.ui.words import say, show_error

# Drawn here: an icon by name would be fetched from the web, and nothing is to leave this machine.
_ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#c4374a"
stroke-width="3" stroke-linecap="round"><circle cx="10" cy="10" r="7"/>
<path d="M15.5 15.5 21.5 21.5"/></svg>"""


@st.cache_resource(show_spinner=False)
def _library() -> Library:
    return Library.open(create=False)


def main() -> None:
    """Show the page that is asked for: searching, unless it is another."""
    st.set_page_config("simsearch", page_icon=_ICON, layout="wide")
    look.show()
    pages = [
        st.Page(
            _on_the_library(search.show), title=say("Search"), icon=":material/image_search:", default=True
        ),
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
            _on_the_library(compare.show), title=say("Compare"), icon=":material/balance:", url_path="compare"
        ),
        st.Page(
            _on_the_library(map_page.show),
            title=say("Map"),
            icon=":material/scatter_plot:",
            url_path="map",
        ),
        st.Page(_on_the_library(exam.show), title=say("Exam"), icon=":material/fact_check:", url_path="exam"),
        st.Page(
            _on_the_library(library_page.show, empty_too=True),
            title=say("Library"),
            icon=":material/photo_library:",
            url_path="library",
        ),
    ]
    places.remember(search=pages[0], albums=pages[1])
    page = st.navigation(pages, position="top")
    places.arrive(page.url_path)
    page.run()


def _on_the_library(show: Callable[[Library], None], *, empty_too: bool = False) -> Callable[[], None]:
    def page() -> None:
        try:
            library = _library()
            if empty_too or len(library):
                show(library)
            else:
                _show_empty(library)
        except NoLibrary:
            _welcome()
            library_page.ask_folder(Library.open)
            _offer_demo()
        except SimsearchError as error:
            show_error(error)

    return page


def _show_empty(library: Library) -> None:
    if search.is_busy(library):
        st.title("Your photos are being indexed")
        library_page.show(library)
    else:
        _welcome()
        library_page.show(library)
        _offer_demo()


def _welcome() -> None:
    st.title("No photos yet")
    st.write(
        "simsearch finds, in your own photos, the pictures most like one you have just been handed. "
        "Point it at a folder of photos; nothing leaves this machine."
    )


def _offer_demo() -> None:
    st.write("No photos at hand? In a terminal, let it draw some:")
    st.code("simsearch demo", language="shell")


if __name__ == "__main__":
    main()
