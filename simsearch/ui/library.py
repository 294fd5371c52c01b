"""Library: what is indexed, what could not be, indexing more, dropping what is not wanted, and health."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, overload

import streamlit as st

from simsearch import Library, SimsearchError
from simsearch.ui import health, networks, paging
from simsearch.ui.ready import is_busy
from simsearch.ui.words import (
    duration,
    file_size,
    noted,
    number,
    plain,
    say,
    say_count,
    show_error,
    time_of,
    told,
)

_SECONDS_A_LOOK = 1.0
_FAILURES_AT_ONCE = 20
_FAILURES = "failures"  # where the page of the list is kept
_TOLD = "library-told"  # what was done, to be said once

_STYLE = """
<style>
  .stMainBlockContainer { padding-top: 4.5rem; }
  .facts-of-all { display: flex; flex-wrap: wrap; gap: .25rem 2.5rem; margin-bottom: .25rem; }
  .facts-of-all b { display: block; font-size: 1.5rem; line-height: 1.3; font-weight: 600;
      font-variant-numeric: tabular-nums; }
  .facts-of-all span { font-size: .85rem; opacity: .75; }
  [class*="st-key-folder-"] { border-bottom: 1px solid rgba(128, 128, 128, .25); flex-wrap: nowrap; }
  [class*="st-key-folder-"] > :first-child { flex: 1; min-width: 0; }
  .folder { display: flex; flex-wrap: wrap; gap: .1rem .75rem; align-items: baseline; }
  .folder .path { flex: 1 1 14rem; overflow-wrap: anywhere; }
  .folder .photos { white-space: nowrap; font-variant-numeric: tabular-nums; opacity: .75; }
  .folder .mark { font-size: .8rem; padding: .05rem .5rem; border-radius: 1rem; white-space: nowrap;
                  background: rgba(128, 128, 128, .18); }
  .folder .mark.offline { background: rgba(217, 119, 6, .22); }
  .failures { width: 100%; border-collapse: collapse; font-size: .9rem; }
  .failures th { text-align: left; font-weight: 600; font-size: .8rem; opacity: .75; }
  .failures th, .failures td { padding: .3rem .75rem .3rem 0; vertical-align: top; overflow-wrap: anywhere;
      border: 0; border-bottom: 1px solid rgba(128, 128, 128, .25); }
  .failures th:first-child { width: 45%; }
  .failures td span { display: block; font-size: .8rem; opacity: .75; }
</style>
"""


def show(library: Library) -> None:
    """Show the folders, the run of indexing, the files that failed, and whether all is well."""
    st.html(_STYLE)
    st.subheader(say("Library"), anchor=False)
    status = library.status()
    _show_facts(status, growing=is_busy(library))
    show_told()
    show_run(library)
    _show_folders(library, status)
    ask_folder(lambda: library, say("Add a folder of photos"))
    st.caption(say("Everything below it is indexed, in a process of its own. Photos are only read."))
    if status["failed"]:
        _show_failures(library)
    networks.show(library, status["embeddings"])
    health.show(library)


def show_told() -> None:
    """Say, once, what was just done."""
    if said := st.session_state.pop(_TOLD, None):
        st.success(said, icon=":material/check:")


def _show_facts(status: dict[str, Any], *, growing: bool) -> None:
    facts = [  # while it grows, the run says how many photos there are
        *([] if growing else [(number(status["photos"]), say("photos can be searched"))]),
        *([(number(status["missing"]), say("are missing"))] if status["missing"] else []),
        *([(number(status["failed"]), say("files could not be used"))] if status["failed"] else []),
        (file_size(status["bytes"]), say("take embeddings, thumbnails and index")),
    ]
    st.html(
        '<div class="facts-of-all">'
        + "".join(f"<div><b>{fact}</b><span>{html.escape(about)}</span></div>" for fact, about in facts)
        + "</div>"
    )
    st.caption(plain(status["library"]))


def ask_folder(open_library: Callable[[], Library], label: str) -> None:
    """Show the field for another folder; the library is opened, or made, when there is one."""
    with st.form("add", clear_on_submit=False, border=False):
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        folder = left.text_input(label, placeholder="~/Pictures", key="add-folder")
        asked = right.form_submit_button(
            say("Index it"), icon=":material/add:", type="primary", width="stretch"
        )
    folder = folder.strip().strip("\"'")  # as file managers copy it
    if asked and folder:
        start(open_library, folder)
    elif asked:
        st.info(say("Type the path of a folder first, such as ~/Pictures."))


def start(open_library: Callable[[], Library], *folders: str, retry_failed: bool = False) -> None:
    """Start a run of indexing, and show the page anew; where it does not start, say why."""
    try:
        with st.spinner(say("Starting ...")):
            open_library().start(*folders, retry_failed=retry_failed)
    except SimsearchError as error:
        if not is_busy(open_library()):  # asked twice: the run that goes on is shown
            show_error(error)
            return
    st.rerun()


# The run


def show_run(library: Library) -> None:
    """Show how far the run of indexing is, or what came of the last one."""
    run = library.run
    if run is None:
        return
    # A fragment that is run again each second while something happens, and not at all otherwise.
    live = st.fragment(_show_state, run_every=_SECONDS_A_LOOK if run["running"] else None)
    live(library, run["running"], bool(len(library)))


def show_strip(library: Library) -> None:
    """Show in one line how far the run of indexing is, while there is one: for the head of other pages."""
    if is_busy(library):
        st.fragment(_show_line, run_every=_SECONDS_A_LOOK)(library)


def _show_line(library: Library) -> None:
    run = library.run
    if run is None or not run["running"]:
        st.rerun()  # what has come is searched, too
    else:
        _show_bar(run)


def _show_state(library: Library, was_running: bool, was_filled: bool) -> None:
    run = library.run
    if run is None or run["running"] != was_running or bool(len(library)) != was_filled:
        st.rerun()  # with the first photos, there is more to be shown
    elif run["running"]:
        _show_progress(library, run)
    else:
        _show_outcome(run)


def _show_progress(library: Library, run: dict[str, Any]) -> None:
    with st.container(border=True, key="run"):
        _show_bar(run)
        if run["folder"]:
            st.caption(say("In {folder}", folder=plain(_short(run["folder"]))))
        if found := len(library):
            st.caption(
                say_count(found, "{n} photo can be searched already.", "{n} photos can be searched already.")
            )
        st.button(
            say("Stop"),
            icon=":material/stop_circle:",
            on_click=library.stop,
            help=say("What is done is kept."),
        )
        st.caption(say("This page may be closed: indexing goes on."))


def _show_bar(run: dict[str, Any]) -> None:
    if run["total"]:
        st.progress(min(run["done"] / run["total"], 1.0), _progress_text(run))
    else:
        st.progress(0.0, say("Looking through the folders ..."))


def _progress_text(run: dict[str, Any]) -> str:
    if run["done"] >= run["total"]:
        return say("All {total} photos are read; the index is being made ready ...", total=run["total"])
    seconds = max((_now() - datetime.fromisoformat(run["began"] or run["since"])).total_seconds(), 1e-3)
    rate = run["done"] / seconds
    told = {"done": run["done"], "total": run["total"], "rate": number(rate, 0 if rate >= 2 else 1)}
    if not rate:
        return say("{done} of {total} photos", **told)
    left = duration((run["total"] - run["done"]) / rate)
    return say("{done} of {total} photos · {rate} a second · {left} left", left=left, **told)


_COUNTED = {
    "added": noted("{n} added"),
    "updated": noted("{n} updated"),
    "moved": noted("{n} moved"),
    "unchanged": noted("{n} unchanged"),
    "failed": noted("{n} failed"),
}


def _show_outcome(run: dict[str, Any]) -> None:
    since = time_of(datetime.fromisoformat(run["since"]))
    if run["problem"]:
        sentence = say("The indexing that began {since} did not succeed.", since=since)
        st.error(f"{sentence} {plain(told(run['problem']))}")
    elif run["report"] is None:
        st.warning(
            say(
                "The indexing that began {since} was cut off. What was done is kept; index again to go on.",
                since=since,
            )
        )
    else:
        _show_report(since, run["report"])


def _show_report(since: str, report: dict[str, Any]) -> None:
    counts = [say(words, n=report[state]) for state, words in _COUNTED.items() if report[state]]
    found = ", ".join(counts) or say("no photos found")
    sentences = [say("Last indexed {since}: {told}.", since=since, told=found), _saved_text(report)]
    if report["interrupted"]:
        sentences.append(say("It was stopped early; index again to go on."))
    st.info(" ".join(filter(None, sentences)))
    if report["skipped"]:
        count = sum(report["skipped"].values())
        with st.expander(say_count(count, "{n} file skipped", "{n} files skipped")):
            for reason, some in report["skipped"].items():
                st.markdown(f"{number(some)} · {plain(told(reason))}")


def _saved_text(report: dict[str, Any]) -> str:
    if not report["reused"]:
        return ""
    if report["seconds_saved"] < 1:
        return say("{n} were known from before and not encoded again.", n=report["reused"])
    return say(
        "{n} were known from before and not encoded again (about {time} saved).",
        n=report["reused"],
        time=duration(report["seconds_saved"]),
    )


def _now() -> datetime:
    return datetime.now().astimezone()


# Folders


def _show_folders(library: Library, status: dict[str, Any]) -> None:
    busy = is_busy(library)
    for place, folder in enumerate(status["folders"]):
        with st.container(key=f"folder-{place}", horizontal=True, vertical_alignment="center"):
            st.html(_folder_row(folder))
            _offer_to_forget(library, folder, status["folders"], busy)
    if any(not folder["online"] for folder in status["folders"]):
        st.caption(
            say("Photos of offline folders can still be searched, and are shown from their thumbnails.")
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        if status["folders"] and st.button(
            say("Look for changes"),
            icon=":material/refresh:",
            disabled=busy,
            help=say("Index what is new or has changed"),
        ):
            start(lambda: library)
        if status["missing"]:
            _offer_to_prune(library, status["missing"], busy)


def _folder_row(folder: dict[str, Any]) -> str:
    marks = [] if folder["online"] else [f'<span class="mark offline">{say("offline")}</span>']
    if folder["missing"]:
        marks.append(f'<span class="mark">{say("{n} missing", n=folder["missing"])}</span>')
    if folder["failed"]:
        marks.append(f'<span class="mark">{say("{n} failed", n=folder["failed"])}</span>')
    photos = say_count(folder["photos"], "{n} photo", "{n} photos")
    return (
        f'<div class="folder"><span class="path">{html.escape(folder["path"])}</span>{"".join(marks)}'
        f'<span class="photos">{photos}</span></div>'
    )


def _offer_to_forget(
    library: Library, folder: dict[str, Any], folders: list[dict[str, Any]], busy: bool
) -> None:
    with st.popover(
        say("Forget"),
        icon=":material/folder_off:",
        type="tertiary",
        help=say("Forget this folder"),
        disabled=busy,
    ):
        st.markdown(f"**{plain(folder['path'])}**")
        _say_what_goes(library, folder, folders)
        if st.button(say("Forget it"), key=f"forget-{folder['path']}", type="primary"):
            _change(lambda: library.forget(folder["path"]), _forgotten)


def _say_what_goes(library: Library, folder: dict[str, Any], folders: list[dict[str, Any]]) -> None:
    """Say all that is forgotten with a folder, which may have other folders of the library in it."""
    path = Path(folder["path"])
    st.write(
        say_count(
            library.forget(folder["path"], dry_run=True),
            "The library forgets {n} photo of this folder. Its file stays on the disk as it is.",
            "The library forgets {n} photos of this folder. Their files stay on the disk as they are.",
        )
    )
    inside = [one["path"] for one in folders if Path(one["path"]).is_relative_to(path) and one != folder]
    if inside:
        st.write(say("With it go the folders inside it: {folders}", folders=plain(", ".join(inside))))
    st.write(
        say(
            "What was said of these photos goes, too: labels, and what was decided in groups. Albums keep "
            "their examples, but as mere pictures."
        )
    )
    if not folder["online"]:
        st.warning(say("This folder is not there just now: what is forgotten cannot be indexed again."))


def _offer_to_prune(library: Library, missing: int, busy: bool) -> None:
    with st.popover(
        say_count(missing, "{n} photo is missing", "{n} photos are missing"),
        icon=":material/image_not_supported:",
        disabled=busy,
    ):
        st.write(
            say(
                "They are no longer where they were, and return when their files do. Those of offline "
                "folders are kept in any case."
            )
        )
        if st.button(say("Forget those that are gone"), key="prune", type="primary"):
            _change(library.prune, _forgotten)


def _forgotten(count: int) -> str:
    return say_count(count, "{n} photo is forgotten.", "{n} photos are forgotten.")


def _change(change: Callable[[], int], said: Callable[[int], str]) -> None:
    try:
        st.session_state[_TOLD] = said(change())
    except SimsearchError as error:
        show_error(error)
    else:
        st.rerun()


# Failures


class _Failures(Sequence[tuple[Path, str]]):
    """The files that could not be used, for one reason or for any; only those that are shown are read."""

    def __init__(self, library: Library, reason: str | None, count: int) -> None:
        self._library, self._reason, self._count = library, reason, count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> tuple[Path, str]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[Path, str]]: ...
    def __getitem__(self, place: int | slice) -> tuple[Path, str] | list[tuple[Path, str]]:
        if isinstance(place, int):
            return self[place : place + 1][0]
        first, last, _ = place.indices(self._count)
        return self._library.failures(most=last - first, skip=first, reason=self._reason)


def _show_failures(library: Library) -> None:
    reasons = library.failure_reasons()
    count = sum(reasons.values())
    st.subheader(say_count(count, "{n} file could not be used", "{n} files could not be used"), anchor=False)
    reason = None
    if len(reasons) > 1:
        reason = st.selectbox(
            say("Reason"),
            [None, *reasons],
            format_func=lambda one: f"{told(one)} · {number(reasons[one])}" if one else say("All reasons"),
            key="failures-reason",
            on_change=paging.first,
            args=(_FAILURES,),
        )
    shown = _Failures(library, reason, reasons.get(reason, count) if reason else count)
    st.html(_failures_table(paging.page(_FAILURES, shown, _FAILURES_AT_ONCE)))
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(say("Try them again"), icon=":material/replay:", disabled=is_busy(library)):
            start(lambda: library, retry_failed=True)
        st.caption(say("They are looked at again when they change."), width="content")


def _failures_table(failures: Sequence[tuple[Path, str]]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(path.name)}<span>{html.escape(_short(path.parent))}</span></td>"
        f"<td>{html.escape(told(reason))}</td></tr>"
        for path, reason in failures
    )
    return (
        f'<table class="failures"><thead><tr><th scope="col">{say("File")}</th>'
        f'<th scope="col">{say("Why")}</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _short(folder: str | Path) -> str:
    home = os.path.expanduser("~")
    return f"~{str(folder)[len(home) :]}" if Path(folder).is_relative_to(home) else str(folder)
