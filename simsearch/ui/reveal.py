"""A photo in the file manager, or the program, of the user's own machine: where that is the server, too."""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import streamlit as st

from simsearch import Hit, Library, SimsearchError
from simsearch.ui.words import say

_SECONDS = 3.0  # in which a program says that it cannot; one that is still there has opened something
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip")
_BUS = ("--session", "--print-reply", "--dest=org.freedesktop.FileManager1", "/org/freedesktop/FileManager1")


def is_offered() -> bool:
    """Whether the visitor sits at the server's machine, and it can open windows."""
    return _is_visitor_here() and _has_desktop()


def _is_visitor_here() -> bool:
    if any(st.context.headers.get(header) for header in _FORWARDED):  # a proxy is here, not who is behind it
        return False
    address = st.context.ip_address
    try:
        return address is None or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _has_desktop() -> bool:
    if sys.platform == "win32":
        return True
    if sys.platform == "darwin":
        return shutil.which("open") is not None
    has_screen = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return has_screen and shutil.which("xdg-open") is not None


def show_in_folder(library: Library, photo: Hit) -> None:
    """Open the file manager at a photo, which it marks where it can.

    Raises
    ------
    SimsearchError
        When the photo is not in the library or not there, or nothing opens it.
    """
    path = _known(library, photo)
    if sys.platform == "win32":
        _start(path, [["explorer", "/select,", str(path)]])
    elif sys.platform == "darwin":
        _start(path, [["open", "-R", str(path)]])
    else:
        show_item = "org.freedesktop.FileManager1.ShowItems"
        items = [f"array:string:{path.as_uri()}", "string:"]
        _start(path, [["dbus-send", *_BUS, show_item, *items], ["xdg-open", str(path.parent)]])


def open_photo(library: Library, photo: Hit) -> None:
    """Open a photo with the program that the user has for it; raise as :func:`show_in_folder`."""
    path = _known(library, photo)
    if sys.platform == "win32":
        _start(path, [["explorer", str(path)]])
    else:
        _start(path, [["open" if sys.platform == "darwin" else "xdg-open", str(path)]])


def _known(library: Library, photo: Hit) -> Path:
    """Return where a photo is now: an absolute path, which no program takes for an option."""
    path = library.photo(photo.id).path
    if "://" in str(path):
        raise SimsearchError(say("{path}: not on this machine; copy its address instead.", path=path))
    if not path.is_file():
        raise SimsearchError(
            say("{path}: not there just now; look whether its disk is connected.", path=path)
        )
    return path


def _start(path: Path, commands: list[list[str]]) -> None:
    """Run the first of some commands that works."""
    if not any(_works(command) for command in commands):
        text = say(
            "{path}: nothing here could open it; copy its path, and open it in the file manager.", path=path
        )
        raise SimsearchError(text)


def _works(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C stops the server, not what the user looks at
        )
    except OSError:
        return False
    try:
        # Explorer always says that it failed.
        return process.wait(_SECONDS) == 0 or command[0] == "explorer"
    except subprocess.TimeoutExpired:
        threading.Thread(target=process.wait, daemon=True).start()  # to take note of its end
        return True
