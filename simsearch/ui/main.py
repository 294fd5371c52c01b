"""The script Streamlit runs: opens the library and shows the page."""

from __future__ import annotations

import streamlit as st

from simsearch import Library, NoLibrary, SimsearchError
from simsearch.ui import search


@st.cache_resource(show_spinner=False)
def _library() -> Library:
    return Library.open(create=False)


def main() -> None:
    """Show the page."""
    st.set_page_config("simsearch", page_icon=":material/image_search:", layout="wide")
    try:
        library = _library()
        if len(library):
            search.show(library)
        else:
            _explain_empty()
    except NoLibrary:
        _explain_empty()
    except SimsearchError as error:
        search.show_error(error)


def _explain_empty() -> None:
    st.title("No photos yet")
    st.write("In a terminal, point simsearch at a folder of photos; then reload this page.")
    st.code("simsearch index ~/Pictures", language="shell")
    st.write("No photos at hand? Let it draw some:")
    st.code("simsearch demo", language="shell")
    st.caption("Photos are only read. Nothing leaves this machine.")


if __name__ == "__main__":
    main()
