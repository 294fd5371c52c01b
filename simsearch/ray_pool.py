"""Workers on a Ray cluster: photos out, answers in.

Ray is spoken to by a process of its own (:mod:`simsearch.ray_driver`): it takes over the signals of the
process it is in, writes to its terminal, and ends it where the cluster is gone.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import IO, Any
from urllib.parse import urlsplit

from simsearch import program, worker
from simsearch.child import Answer, Task
from simsearch.errors import ClusterError, SimsearchError, reason_of
from simsearch.pool import Examine, suitable_workers

_PORT = 6379  # of a cluster's head, where it is not told another
_SECONDS_TO_ANSWER = 5.0
_SECONDS_TO_JOIN = 60.0  # it takes two, and four to start one
_SECONDS_TO_END = 20.0  # Ray takes one or two
_TASKS_A_MESSAGE = 1000
_JOIN = (
    "check the address and RAY_AUTH_TOKEN, and that this runs on a node of that cluster (ray status), "
    "in the node's own container if it has one (docker exec)"
)
_CLUSTER_GONE = "see that the cluster runs, and run it again; what is done is kept"
_AGAIN = "run it again; what is done is kept"


def check(on: str) -> None:
    """Raise ClusterError where it is clear from here that a cluster cannot be used."""
    address_of(on)
    for package in ("ray", "pyarrow"):
        if importlib.util.find_spec(package) is None:
            remedy = "install it with: pip install 'simsearch[ray]'"
            raise ClusterError(on, f"the Python package {package} is missing", remedy)


def address_of(on: str) -> str | None:
    """Return the HOST:PORT of the cluster that is meant, or None for one on this machine alone.

    Parameters
    ----------
    on
        "ray", for what $RAY_ADDRESS names or else this machine, or "ray://HOST:PORT".

    Raises
    ------
    ClusterError
        When it is no such address.
    """
    if on != "ray":
        remedy = f"write ray for this machine, or ray://HOST:{_PORT} for the cluster whose head is HOST"
        return _host_and_port(on, on, remedy)
    named = os.environ.get("RAY_ADDRESS", "").strip()
    if named in ("", "local"):
        return None
    return _host_and_port(f"ray://{named}", f"RAY_ADDRESS={named}", f"set it to HOST:{_PORT}, or unset it")


def _host_and_port(url: str, named: str, remedy: str) -> str:
    try:
        parts = urlsplit(url)
        if parts.scheme == "ray" and parts.hostname and not (parts.username or parts.path.strip("/")):
            host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            return f"{host}:{parts.port or _PORT}"
    except ValueError:  # the port is no number
        pass
    raise ClusterError(named, "not the address of a Ray cluster", remedy)


@contextmanager
def on_cluster(on: str, workers: int | None) -> Iterator[tuple[Examine, int]]:
    """Give what examines files on a Ray cluster, and how many at a time.

    Parameters
    ----------
    on
        See :func:`address_of`.
    workers
        Number of actors, each with one encoder; None for as many as suit the cluster.

    Raises
    ------
    ClusterError
        When the cluster cannot be used, at once or when it is gone later.
    """
    address = address_of(on)
    if address is None:
        workers = workers or suitable_workers()
    else:
        _check_answers(on, address)
    driver = _Driver(on, address, workers)
    try:
        yield driver.examine_all, driver.await_ready()
    finally:
        driver.close()


def _check_answers(on: str, address: str) -> None:
    """Ray would try for half a minute, and say so in many words."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_ANSWER).close()
    except OSError as error:
        remedy = f"start Ray there with: ray start --head --port={port}; or check the address"
        raise ClusterError(on, f"no Ray answers there ({reason_of(error)})", remedy) from None


class _Driver:
    """The process that speaks to Ray, as its parent sees it."""

    def __init__(self, on: str, address: str | None, workers: int | None) -> None:
        self._on = on
        self._remedy = _JOIN if address else "try again"
        self._if_gone = _CLUSTER_GONE if address else _AGAIN
        self._words = tempfile.TemporaryFile()  # Ray chatters; only its last word is of interest, if any
        self._folder = ""
        settings = {"RAY_USAGE_STATS_ENABLED": "0"}
        if address is None:  # it listens on all of the machine's addresses
            settings |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        try:
            if address is None:  # not in $TMPDIR: the paths of sockets must be short
                self._folder = tempfile.mkdtemp(prefix="simsearch-ray-", dir="/tmp")
            self._process = subprocess.Popen(
                program.command("ray_driver", address or "", str(workers or 0), self._folder),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._words,
                bufsize=1 << 17,
                env=program.environment(**settings),
                start_new_session=True,  # Ctrl-C is ours to handle
            )
        except OSError as error:
            self._clear()
            raise ClusterError(on, f"Ray did not start ({reason_of(error)})", "try again") from None

    def await_ready(self) -> int:
        """Wait until it has joined the cluster; return the number of workers that there will be."""
        patience = threading.Timer(_SECONDS_TO_JOIN, self._process.kill)
        patience.start()
        try:
            workers = int(self._receive()[0]["workers"])
        except EOFError:
            why = f"Ray did not start ({self._how_it_ended()})"
            raise ClusterError(self._on, why, self._remedy) from None
        finally:
            patience.cancel()
        self._remedy = _AGAIN
        return workers

    def examine_all(
        self, tasks: Iterable[Task], recipe: tuple[str, list[str]], *, workers: int
    ) -> Generator[Answer, None, None]:
        """Do as :func:`simsearch.pool.examine_all` does; closed before its end, it closes the driver."""
        unanswered: dict[int, Task] = {}
        try:
            self._send({"recipe": recipe, "workers": workers})
            for some in _in_messages(tasks, unanswered):
                self._send({"tasks": some})
            self._send({})
            while (received := self._receive())[0]:
                told, payload = received
                # A file whose node died is examined again, and may be answered by both.
                if task := unanswered.pop(told["number"], None):
                    yield Answer(task, told["facts"], payload)
        except EOFError:  # as Ray ends a process where it has lost the head or this machine's own node
            self.close()
            how = f"Ray ended (exit code {self._process.returncode})"
            raise ClusterError(self._on, how, self._if_gone) from None
        except BaseException:
            self.close()
            raise
        if unanswered:
            raise ClusterError(self._on, f"Ray lost {len(unanswered):,} files", _AGAIN)

    def _send(self, message: dict[str, Any]) -> None:
        with suppress(OSError):  # _receive() finds out how it ended
            worker.send(_open(self._process.stdin), worker.frame(message))

    def _receive(self) -> tuple[dict[str, Any], bytes]:
        message, payload = worker.receive(_open(self._process.stdout))
        if "failed" in message:
            raise ClusterError(self._on, f"Ray failed ({message['failed']})", self._remedy)
        if "problem" in message:
            raise SimsearchError(message["problem"])
        return message, payload

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return f"it took longer than {_SECONDS_TO_JOIN:.0f} seconds"
        self._words.seek(0)
        words = self._words.read().decode(errors="replace").strip().rpartition("\n")[2]
        return words or f"exit code {code}"

    def close(self) -> None:
        """Have it leave the cluster, or end the one it started."""
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                _open(stream).close()
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_SECONDS_TO_END)
        finally:  # also where somebody has no patience
            self._process.kill()
            self._process.wait()
            self._clear()

    def _clear(self) -> None:
        self._words.close()
        shutil.rmtree(self._folder, ignore_errors=True)  # it does so, too, unless it was killed


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _in_messages(tasks: Iterable[Task], unanswered: dict[int, Task]) -> Iterator[list[tuple[str, list[str]]]]:
    numbered = enumerate(tasks)
    while some := list(islice(numbered, _TASKS_A_MESSAGE)):
        unanswered.update(some)
        yield [(str(task.path), sorted(task.known)) for _, task in some]
