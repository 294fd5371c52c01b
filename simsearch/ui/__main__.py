"""Streamlit's own command, kept offline: ``python -m simsearch.ui run main.py``."""

from __future__ import annotations

from streamlit.web.cli import main

from simsearch.ui import keep_offline

if __name__ == "__main__":
    keep_offline()  # before anybody asks: the page's script runs only for the first visitor
    main(prog_name="streamlit")
