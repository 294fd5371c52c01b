"""The page in a real browser: how it is served, and what is waited for."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager


@contextmanager
def served(library):
    """The page, served as `simsearch app` serves it; its address."""
    with started(library) as (address, _):
        yield address


@contextmanager
def started(library, **environment):
    """The page's address, and the process that serves it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "simsearch.cli", "app", "--library", library, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | environment,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _await(f"{address}/_stcore/health", server)
        yield address, server
    finally:
        os.killpg(server.pid, 9)
        server.wait()


def _await(url, server):
    for _ in range(300):
        assert server.poll() is None, "the server ended"
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not come up in half a minute")


def upload(page, path):
    page.set_input_files("input[type=file]", str(path))


def cards(page, count):
    """The text of the hits, once ``count`` are shown."""
    awaited(page, ".facts .score", count)
    return page.locator(".facts:has(.score)").all_inner_texts()


def awaited(page, selector, count):
    """Wait until there are so many of these, the ones in components included."""
    if count:
        page.wait_for_selector(f":nth-match({selector}, {count})", state="attached")
    page.wait_for_selector(f":nth-match({selector}, {count + 1})", state="detached")


def names(page):
    return page.locator(".facts .name").all_inner_texts()


def at_rest(page):
    """The text of all hits, once the page is at rest."""
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget], [data-stale=true]')")
    awaited(page, ".photos:not([data-pending='0'])", 0)
    page.wait_for_timeout(100)  # a component draws what it was sent a moment later
    return page.locator(".facts:has(.score)").all_inner_texts()
