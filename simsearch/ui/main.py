"""The script Streamlit runs: opens the library and shows the page that is asked for."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from simsearch import Library, NoLibrary, SimsearchError
from simsearch.ui import compare, search

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
    pages = [
        st.Page(_on_the_library(search.show), title="Search", icon=":material/image_search:", default=True),
        st.Page(
            _on_the_library(compare.show), title="Compare", icon=":material/balance:", url_path="compare"
        ),
    ]
    st.navigation(pages, position="top").run()


def _on_the_library(show: Callable[[Library], None]) -> Callable[[], None]:
    def page() -> None:
        try:
            library = _library()
            if len(library):
                show(library)
            else:
                _explain_empty()
        except NoLibrary:
            _explain_empty()
        except SimsearchError as error:
            search.show_error(error)

    return page


def _explain_empty() -> None:
    st.title("No photos yet")
    st.write("In a terminal, point simsearch at a folder of photos; then reload this page.")
    st.code("simsearch index ~/Pictures", language="shell")
    st.write("No photos at hand? Let it draw some:")
    st.code("simsearch demo", language="shell")
    st.caption("Photos are only read. Nothing leaves this machine.")


if __name__ == "__main__":
    main()
