"""The page, served by Streamlit on this machine only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_SETTINGS = {
    "server.address": "127.0.0.1",  # nobody else on the network sees the photos
    "server.headless": "true",  # do not ask for an e-mail address at the first start
    "server.maxUploadSize": "200",  # megabytes; camera raws are under it
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
}


def serve(library: str | None, port: int) -> int:
    """Serve the page for a library until Ctrl-C; return the exit code."""
    flags = [f"--{name}={value}" for name, value in _SETTINGS.items()]
    command = [sys.executable, "-m", "streamlit", "run", str(Path(__file__).with_name("main.py"))]
    print(f"simsearch is on http://127.0.0.1:{port} (Ctrl-C stops it)", file=sys.stderr)
    try:
        return subprocess.call(
            [*command, f"--server.port={port}", *flags],
            env=os.environ | ({"SIMSEARCH_LIBRARY": library} if library else {}),
        )
    except KeyboardInterrupt:
        return 0
