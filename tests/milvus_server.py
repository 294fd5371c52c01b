"""A real Milvus server, of the wheel that holds one: started, killed and started again."""

import atexit
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from simsearch.index.milvus import MilvusIndex
from simsearch.index.milvus_collection import Collection

SECONDS_TO_START = 120  # after a kill it looks for what it was at, for 40
USER = "root:Milvus"  # the one there is, with the password it comes with
# A read that must see all writes waits for the next tick, of which there are five a second otherwise.
QUICK = {"PROXY_TIMETICKINTERVAL": "10"}
# What starts it looks whether its ports are free, and takes those that were in use a minute ago for taken.
START = """
import socket
bind = socket.socket.bind
def bind_again(self, address):
    self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bind(self, address)
socket.socket.bind = bind_again
from milvus import main
main()
"""


class MilvusServer:
    """A server of its own, which wants a password, with its data in a folder."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"milvus://{USER}@127.0.0.1:{self.port}"
        self._process = None

    def start(self):
        """Start it, and wait until it answers."""
        options = ["--data", self.folder, "--proxy-port", self.port, "--authorization-enabled", "true"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, *map(str, options)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | QUICK,
        )
        deadline = time.monotonic() + SECONDS_TO_START
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.kill()
                raise RuntimeError("the Milvus server did not start; is another one running?")
            time.sleep(0.2)
        return self

    def kill(self):
        """Kill it at once, with the process that holds the server proper."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self):
        from pymilvus import MilvusClient
        from pymilvus.exceptions import MilvusException

        try:
            client = MilvusClient(uri=f"http://127.0.0.1:{self.port}", token=USER, timeout=2)
        except MilvusException:
            return False
        try:
            client.list_collections(timeout=2)
            return True
        except MilvusException:
            return False
        finally:
            client.close()


@functools.cache
def shared_server():
    """The server that all tests of a run have in common: a machine can hold one, by the port of its etcd."""
    folder = Path(tempfile.mkdtemp(prefix="simsearch-milvus-"))
    server = MilvusServer(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.kill)
    return server.start()


@functools.cache
def shared_address(engine):
    """The address of that, or of a folder of milvus-lite."""
    if engine == "milvus":
        return shared_server().address
    folder = Path(tempfile.mkdtemp(prefix="simsearch-milvus-lite-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return f"milvus://{folder}/lite.db"


@functools.cache
def _collection(engine, dim):
    collection = Collection(shared_address(engine), f"simsearch_test_{dim}")
    collection.create(dim, shards=1)
    return collection


def empty_index(engine, dim):
    """An index without vectors; to make a collection takes seconds, so one of a width is used again."""
    collection = _collection(engine, dim)
    collection.delete(collection.ids_above(-1))
    return MilvusIndex(collection)
