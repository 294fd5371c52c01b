"""Library: what is indexed, what could not be, and indexing more."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from simsearch import Library, SimsearchError
from simsearch.ui.search import is_busy
from simsearch.ui.words import plain, show_error

_SECONDS_A_LOOK = 1.0
_FAILURES_SHOWN = 1_000

_STYLE = """
<style>
  .folder { display: flex; gap: .75rem; align-items: baseline; padding: .35rem 0;
            border-bottom: 1px solid rgba(128, 128, 128, .25); }
  .folder .path { flex: 1; overflow-wrap: anywhere; }
  .folder .photos { white-space: nowrap; font-variant-numeric: tabular-nums; opacity: .75; }
  .folder .mark { font-size: .8rem; padding: .05rem .5rem; border-radius: 1rem; white-space: nowrap;
                  background: rgba(128, 128, 128, .18); }
  .folder .mark.offline { background: rgba(217, 119, 6, .22); }
</style>
"""


def show(library: Library) -> None:
    """Show the folders, the run of indexing, and the files that failed."""
    st.html(_STYLE)
    st.subheader("Library", anchor=False)
    status = library.status()
    # While it grows, the run says how many there are.
    count = "" if is_busy(library) else f"{status['photos']:,} photos can be searched · "
    st.caption(f"{count}{plain(status['library'])}")
    _show_run(library)
    _show_folders(library, status)
    ask_folder(lambda: library)
    _show_failures(library)


def ask_folder(open_library: Callable[[], Library]) -> None:
    """Show the field for another folder; the library is opened, or made, when there is one."""
    with st.form("add", clear_on_submit=False, border=False):
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        folder = left.text_input("Add a folder of photos", placeholder="~/Pictures")
        asked = right.form_submit_button("Index it", icon=":material/add:", width="stretch")
    st.caption("Everything below it is indexed, in a process of its own. Photos are only read.")
    folder = folder.strip().strip("\"'")  # as file managers copy it
    if asked and folder:
        _start(open_library, folder)
    elif asked:
        st.info("Type the path of a folder first, such as ~/Pictures.")


def _start(open_library: Callable[[], Library], *folders: str, retry_failed: bool = False) -> None:
    try:
        with st.spinner("Starting ..."):
            open_library().start(*folders, retry_failed=retry_failed)
    except SimsearchError as error:
        if not is_busy(open_library()):  # asked twice: the run that goes on is shown
            show_error(error)
            return
    st.rerun()


# The run


def _show_run(library: Library) -> None:
    run = library.run
    if run is None:
        return
    # A fragment that is run again each second while something happens, and not at all otherwise.
    st.fragment(_show_state, run_every=_SECONDS_A_LOOK if run["running"] else None)(library, run["running"])


def _show_state(library: Library, was_running: bool) -> None:
    run = library.run
    if run is None or run["running"] != was_running:
        st.rerun()
    elif run["running"]:
        _show_progress(library, run)
    else:
        _show_outcome(run)


def _show_progress(library: Library, run: dict[str, Any]) -> None:
    with st.container(border=True, key="run"):
        if run["total"]:
            st.progress(min(run["done"] / run["total"], 1.0), _progress_text(run))
        else:
            st.progress(0.0, "Looking through the folders ...")
        st.caption(f"{len(library):,} photos can be searched already.")
        st.button("Stop", icon=":material/stop_circle:", on_click=library.stop, help="What is done is kept.")


def _progress_text(run: dict[str, Any]) -> str:
    seconds = max((_now() - datetime.fromisoformat(run["began"] or run["since"])).total_seconds(), 1e-3)
    rate = run["done"] / seconds
    left = f" · {_duration((run['total'] - run['done']) / rate)} left" if rate else ""
    return f"{run['done']:,} of {run['total']:,} photos · {rate:,.0f} a second{left}"


def _show_outcome(run: dict[str, Any]) -> None:
    since = _when(datetime.fromisoformat(run["since"]))
    if run["problem"]:
        st.error(plain(f"The indexing of {since} did not succeed. {run['problem']}"))
    elif run["report"] is None:
        st.warning(f"The indexing of {since} was cut off. What it had done is kept; index again to go on.")
    else:
        report = run["report"]
        stopped = "It was stopped early; index again to go on. " if report["interrupted"] else ""
        counts = (
            f"{report[state]:,} {state}"
            for state in ("added", "updated", "moved", "unchanged", "failed")
            if report[state]
        )
        saved = _saved_text(report)
        st.info(f"Last indexed {since}: {', '.join(counts) or 'nothing found'}.{saved} {stopped}")
        if report["skipped"]:
            with st.expander(f"{sum(report['skipped'].values()):,} files skipped"):
                for reason, count in report["skipped"].items():
                    st.markdown(f"{count:,} · {plain(reason)}")


def _saved_text(report: dict[str, Any]) -> str:
    if not report["reused"]:
        return ""
    time = f" (about {_duration(report['seconds_saved'])} saved)" if report["seconds_saved"] >= 1 else ""
    return f" {report['reused']:,} were known from before and not encoded again{time}."


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _when(moment: datetime) -> str:
    today = moment.date() == _now().date()
    return f"today at {moment:%H:%M}" if today else f"on {moment.day} {moment:%B %Y at %H:%M}"


def _now() -> datetime:
    return datetime.now().astimezone()


# Folders and failures


def _show_folders(library: Library, status: dict[str, Any]) -> None:
    for folder in status["folders"]:
        st.html(_folder_row(folder))
    if any(not folder["online"] for folder in status["folders"]):
        st.caption("Photos of offline folders can still be searched, and are shown from their thumbnails.")
    if status["missing"]:
        st.caption(
            f"{status['missing']:,} photos are no longer where they were; they return when their files do. "
            "`simsearch sync --prune` drops them."
        )
    busy = is_busy(library)
    if status["folders"] and st.button(
        "Look for changes", icon=":material/refresh:", disabled=busy, help="Index what is new or has changed"
    ):
        _start(lambda: library)


def _folder_row(folder: dict[str, Any]) -> str:
    mark = "" if folder["online"] else '<span class="mark offline">offline</span>'
    if folder["failed"]:
        mark += f'<span class="mark">{folder["failed"]:,} failed</span>'
    return (
        f'<div class="folder"><span class="path">{html.escape(folder["path"])}</span>{mark}'
        f'<span class="photos">{folder["photos"]:,} photos</span></div>'
    )


def _show_failures(library: Library) -> None:
    failures = library.failures(most=_FAILURES_SHOWN)
    if not failures:
        return
    count = library.status()["failed"]
    st.subheader(f"{count:,} files could not be used", anchor=False)
    st.dataframe(
        {
            "File": [path.name for path, _ in failures],
            "Why": [reason for _, reason in failures],
            "Folder": [_short(path.parent) for path, _ in failures],
        },
        hide_index=True,
        column_config={"File": st.column_config.Column(width="small")},  # a phone shows the reason, too
    )
    if count > len(failures):
        st.caption(f"The first {len(failures):,}; `simsearch status --failed` lists all.")
    st.caption("They are looked at again when they change.")
    if st.button("Try them again", icon=":material/replay:", disabled=is_busy(library)):
        _start(lambda: library, retry_failed=True)


def _short(folder: Path) -> str:
    home = os.path.expanduser("~")
    return f"~{str(folder)[len(home) :]}" if folder.is_relative_to(home) else str(folder)
