"""The folders a person names: where the library is, and where photos are."""

from __future__ import annotations

import os
from pathlib import Path

from simsearch.derived import make_folder
from simsearch.errors import FolderError, LibraryError, WriteError
from simsearch.remote import RemotePath, path_of
from simsearch.store import FILE_NAME


def default_folder() -> Path:
    """Return where the library is when nobody says.

    That is ``$SIMSEARCH_LIBRARY``; else ``index`` in the current folder where that is a library or the
    place kept for one in a checkout; else the user's data folder.
    """
    if named := os.environ.get("SIMSEARCH_LIBRARY"):
        return expanded_path(named).absolute()
    here = Path("index").absolute()
    if (here / FILE_NAME).exists() or (here / "README.md").exists():
        return here
    import platformdirs

    return Path(platformdirs.user_data_dir("simsearch", appauthor=False))


def make_home(folder: Path) -> None:
    """Make the folder of a new library.

    Raises
    ------
    LibraryError
        When a file is in the way.
    WriteError
        When it cannot be made or written.
    """
    if folder.is_file():
        raise LibraryError(folder, "a file, not a folder", "choose another --library")
    try:
        make_folder(folder)
    except WriteError as error:
        raise WriteError(error.path, error.reason, f"{error.remedy}, or choose another --library") from error


def plain_path(folder: str | os.PathLike[str]) -> Path:
    """Return an absolute path without links, so that a folder of photos has one name only.

    Raises
    ------
    FolderError
        When it is no folder, or has a name that cannot be stored. An address is not asked for.
    """
    path = expanded_path(folder)
    if isinstance(path, RemotePath):
        return path
    if path.exists() and not path.is_dir():
        raise FolderError(path, "not a folder", "name the folder the photos are in")
    return path.resolve()


def networks_of(library: Path) -> Path:
    """Return the folder, in a library's own, of the networks that nothing else could bring back."""
    return library / "networks"


def absolute_path(path: str | os.PathLike[str]) -> Path:
    """Return a path as the library knows it: without links, but for a photo, which may itself be one.

    Raises
    ------
    FolderError
        When it cannot be one.
    """
    whole = expanded_path(path).absolute()
    if isinstance(whole, RemotePath):
        return whole
    return whole.parent.resolve() / whole.name if whole.is_file() else whole.resolve()


def expanded_path(path: str | os.PathLike[str]) -> Path:
    """Return a path with ~ and ~user replaced, or an address.

    Raises
    ------
    FolderError
        When it cannot be a path.
    """
    if not str(path):
        raise FolderError("''", "no path", "name one, such as ~/Pictures")
    try:
        expanded = path_of(path).expanduser()
        str(expanded).encode()
    except RuntimeError as error:
        raise FolderError(path, "no such user", "check the spelling, or write ./~...") from error
    except UnicodeEncodeError as error:
        text = str(path).encode(errors="replace").decode()
        raise FolderError(text, "its name is not valid text", "rename it") from error
    except ValueError as error:
        raise FolderError(path, str(error), "write it as SCHEME://HOST/FOLDER") from error
    return expanded
