"""The networks that a library has embeddings of: which serves, and having another one do so."""

from __future__ import annotations

import html
from typing import Any

import streamlit as st

from simsearch import Library, SimsearchError, list_backbones
from simsearch.ui.ready import is_busy
from simsearch.ui.words import file_size, percent, plain, say, say_count, show_error

_OTHER = "network-other"  # the one that is chosen to serve


def show(library: Library, sets: list[dict[str, Any]]) -> None:
    """Show the sets of embeddings, as :meth:`Library.status` gives them, and offer others."""
    if not sets:
        return
    with st.expander(say("Network: {name}", name=plain(_name(sets[0])))):
        st.caption(
            say(
                "The network turns photos into what is compared. Another one's embeddings are made beside "
                "those there are, which serve until all are made. Nothing is lost, and the way back is quick."
            )
        )
        busy = is_busy(library)
        for place, one in enumerate(sets):
            with st.container(key=f"folder-network-{place}", horizontal=True, vertical_alignment="center"):
                st.html(_row(one))
                if not one["serves"]:
                    _offer(library, one, busy)
        _offer_others(library, {_name(one) for one in sets}, busy)


def _name(one: dict[str, Any]) -> str:
    return str(one["encoder"]["backbone"])


def _row(one: dict[str, Any]) -> str:
    marks = [say("serves")] if one["serves"] else []
    if one["lacking"] and one["serves"]:
        marks.append(say_count(one["lacking"], "{n} by its thumbnail", "{n} by their thumbnails"))
    elif one["lacking"]:
        marks.append(say("{n} still to be made", n=one["lacking"]))
    facts = f"{say_count(one['photos'], '{n} photo', '{n} photos')} · {file_size(one['bytes'])}"
    return (
        f'<div class="folder"><span class="path">{html.escape(_name(one))}</span>'
        + "".join(f'<span class="mark">{html.escape(mark)}</span>' for mark in marks)
        + f'<span class="photos">{facts}</span></div>'
    )


def _offer(library: Library, one: dict[str, Any], busy: bool) -> None:
    """Offer to have a set that waits serve, or to drop it."""
    number = one["number"]
    if st.button(say("Let it serve"), key=f"serve-{number}", type="tertiary", disabled=busy):
        _start(library, number)
    with st.popover(say("Drop its embeddings"), type="tertiary", disabled=busy):
        st.write(say("To have this network serve again, all photos have to be looked at anew."))
        if st.button(say("Drop them"), key=f"drop-{number}", type="primary"):
            try:
                library.embeddings.remove(number)
            except SimsearchError as error:
                show_error(error)
            else:
                st.rerun()


def _offer_others(library: Library, there: set[str], busy: bool) -> None:
    others = {row["name"]: row for row in list_backbones() if row["name"] not in there}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            say("Another network"),
            list(others),
            index=None,
            format_func=lambda one: _described(others[one]),
            placeholder=say("Choose one of {n}", n=len(others)),
            key=_OTHER,
        )
        if st.button(say("Make its embeddings"), disabled=busy or name is None) and name:
            _start(library, name)
    st.caption(
        say(
            "Weights that are not on this machine yet are fetched by Keras, once; no photo leaves it. "
            "simsearch compare-backbones, in a terminal, measures networks on your own photos."
        )
    )


def _described(row: dict[str, Any]) -> str:
    about = [file_size(row["bytes"])]
    if row["top1"] is not None:
        about.append(say("{share} right on ImageNet", share=percent(row["top1"] / 100, 1)))
    about.append(say("is here") if row["here"] else say("to be fetched"))
    return f"{row['name']} · {' · '.join(about)}"


def _start(library: Library, name: str) -> None:
    try:
        with st.spinner(say("Starting ...")):
            library.start(backbone=name)
    except SimsearchError as error:
        show_error(error)
    else:
        st.rerun()
