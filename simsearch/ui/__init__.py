"""The page, served by Streamlit on this machine only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
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


def serve(library: str | None, port: int, lsh_storage: str | None = None) -> None:
    """Serve the page for a library until Ctrl-C.

    Raises
    ------
    SimsearchError
        When the port is taken.
    """
    _check_port(port)
    flags = [f"--{name}={value}" for name, values in SETTINGS.items() for value in _each(values)]
    script = str(Path(__file__).with_name("main.py"))
    command = [sys.executable, "-m", "simsearch.ui", "run", script, f"--server.port={port}", *flags]
    asked = {"SIMSEARCH_LIBRARY": library, "SIMSEARCH_LSH_STORAGE": lsh_storage}
    environment = os.environ | {name: value for name, value in asked.items() if value}
    print(f"simsearch is on http://{HOST}:{port} (Ctrl-C stops it)", file=sys.stderr, flush=True)
    if os.name == "posix":  # become the server, so that whoever stops this process stops it
        os.execve(sys.executable, command, environment)
    subprocess.call(command, env=environment)


def keep_offline() -> None:
    """Keep Streamlit from asking the web for its own address when a website asks for the page."""
    from streamlit import net_util

    net_util._external_ip = HOST  # there is no setting for it


def _each(values: str | list[str]) -> list[str]:
    return [values] if isinstance(values, str) else values


def _check_port(port: int) -> None:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError as error:
            message = f"port {port}: cannot be used ({error.strerror}); choose another with --port."
            raise SimsearchError(message) from error
