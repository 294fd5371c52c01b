"""Where a Milvus server is, as a person writes it down."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from simsearch.errors import StorageError

_EXAMPLE = "milvus://127.0.0.1:19530"
_PORT = 19530
_SCHEMES = {"milvus": "http", "milvus+tls": "https"}


class Address(NamedTuple):
    """What pymilvus connects with: an address of its own, "user:password" or "", and a database or ""."""

    uri: str
    token: str
    database: str


def parsed(address: str) -> Address:
    """Read an address: milvus://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or milvus:///FOLDER.db.

    milvus+tls:// encrypts. A folder is one of milvus-lite, on this machine.

    Raises
    ------
    StorageError
        When it is none.
    """
    try:
        parts = urlsplit(address)
        scheme, port = _SCHEMES[parts.scheme], parts.port or _PORT
        if parts.hostname:
            behind = f"{parts.path.strip('/')}{parts.query}{parts.fragment}"
            if parts.hostname.endswith(".db") or set("/@?#") & set(behind):  # a part of a password, say
                raise ValueError
            token = ":".join(unquote(part) for part in (parts.username, parts.password) if part)
            host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            return Address(f"{scheme}://{host}:{port}", token, unquote(parts.path.strip("/")))
        is_folder = address.startswith("milvus:///") and parts.path.endswith(".db")
        if not is_folder or parts.query or parts.fragment:
            raise ValueError
        return Address(unquote(parts.path), "", "")
    except (KeyError, ValueError):
        reason = "not the address of a Milvus server"
        remedy = f"give one like {_EXAMPLE}, / and @ in a password as %2F and %40; or milvus:///FOLDER.db"
        raise StorageError(without_password(address), reason, remedy) from None


def is_missing(address: str) -> bool:
    """Whether an address is of a folder of milvus-lite that is not there."""
    uri = parsed(address).uri
    return "://" not in uri and not Path(uri).exists()


def without_password(address: str) -> str:
    """Return an address, or what was meant to be one, as it may be shown and written down."""
    scheme, slashes, rest = address.rpartition("://")
    # Of a server, nothing behind its name has an @; the path of a folder, which begins with /, may have one.
    return address if rest.startswith("/") else f"{scheme}{slashes}{rest.rpartition('@')[2]}"
