"""The page, served by Streamlit: to this machine only, unless another address is asked for."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from simsearch import SimsearchError

HOST = "127.0.0.1"  # nobody else on the network sees the photos
# For `streamlit run app.py` in a checkout, .streamlit/config.toml says the same.
SETTINGS: dict[str, str | list[str]] = {
    "server.address": HOST,
    "server.allowedHosts": [HOST, "localhost"],  # a name on the web that leads here is not to get the page
    "server.headless": "true",  # do not ask for an e-mail address at the first start
    "server.maxUploadSize": "200",  # megabytes
    "server.enableXsrfProtection": "true",  # these two are Streamlit's own defaults, which its user's file of
    "server.enableCORS": "true",  # settings could turn off for all that it serves
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "runner.magicEnabled": "false",  # what a line gives is not to be shown because it stands alone
    "client.showErrorDetails": "none",
    "logger.level": "error",
}


_OPEN = (
    "the page asks for no password: whoever reaches this address can see the photos and have folders indexed"
)


def serve(
    library: str | None,
    port: int,
    lsh_storage: str | None = None,
    milvus: str | None = None,
    host: str = HOST,
    allowed: Sequence[str] = (),
) -> None:
    """Serve the page for a library until Ctrl-C.

    Parameters
    ----------
    library, lsh_storage, milvus
        As for ``Library.open``.
    port
        The TCP port it listens on.
    host
        The address it listens on: 0.0.0.0 for all that this machine has.
    allowed
        Names and addresses, besides this machine's own for itself, by which a browser may ask for the page.

    Raises
    ------
    SimsearchError
        When the port is taken, or the address is none of this machine.
    """
    _check_port(host, port)
    settings = SETTINGS | {"server.address": host, "server.allowedHosts": _allowed(host, allowed)}
    flags = [f"--{name}={value}" for name, values in settings.items() for value in _each(values)]
    script = str(Path(__file__).with_name("main.py"))
    command = [sys.executable, "-m", "simsearch.ui", "run", script, f"--server.port={port}", *flags]
    asked = {
        "SIMSEARCH_LIBRARY": library,
        "SIMSEARCH_LSH_STORAGE": lsh_storage,
        "SIMSEARCH_MILVUS": milvus,
    }
    environment = os.environ | {name: value for name, value in asked.items() if value}
    print(f"simsearch is on http://{_in_url(host)}:{port} (Ctrl-C stops it)", file=sys.stderr, flush=True)
    if not ipaddress.ip_address(host).is_loopback:
        print(f"simsearch: {_OPEN}", file=sys.stderr, flush=True)
    if os.name == "posix":  # become the server, so that whoever stops this process stops it
        os.execve(sys.executable, command, environment)
    subprocess.call(command, env=environment)


def keep_offline() -> None:
    """Keep Streamlit from asking the web for its own address when a website asks for the page."""
    from streamlit import net_util

    net_util._external_ip = HOST  # there is no setting for it


def _each(values: str | list[str]) -> list[str]:
    return [values] if isinstance(values, str) else values


def _allowed(host: str, names: Sequence[str]) -> list[str]:
    """Return the names by which the page may be asked for: others may lead here, but are not to get it."""
    own = [] if ipaddress.ip_address(host).is_unspecified else [host]
    return list(dict.fromkeys([HOST, "localhost", *own, *names]))


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except OSError as error:
        missing = error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
        place, option = (f"address {host}", "--host") if missing else (f"port {port}", "--port")
        message = f"{place}: cannot be used ({error.strerror}); choose another with {option}."
        raise SimsearchError(message) from error
