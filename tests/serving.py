"""The page, served in a process of its own, as `simsearch app` serves it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager


@contextmanager
def served(library, *options, **environment):
    """The page, served as `simsearch app` serves it; its address."""
    with started(library, *options, **environment) as (address, _):
        yield address


@contextmanager
def started(library, *options, **environment):
    """The page's address, and the process that serves it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "simsearch.cli", "app", "--library", library, "--port", str(port), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | environment,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        await_answer(f"{address}/_stcore/health", server)
        yield address, server
    finally:
        os.killpg(server.pid, 9)
        server.wait()


def await_answer(url, server):
    for _ in range(300):
        assert server.poll() is None, "the server ended"
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not come up in half a minute")
