"""The ``simsearch`` command: each subcommand is one call of :class:`simsearch.Library`, and its printing."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from typing import NoReturn

from simsearch.cli.parser import parser
from simsearch.cli.terminal import COULD_NOT_RUN, INTERRUPTED, OK, complain, printable


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1 (something is not well), 2 (could not run)."""
    options = parser().parse_args(arguments)
    from simsearch.errors import SimsearchError

    try:
        code = int(options.run(options))
        sys.stdout.flush()  # here a reader that has gone is still ours to notice
        return code
    except SimsearchError as error:
        complain(printable(str(error)))
        return COULD_NOT_RUN
    except KeyboardInterrupt:
        complain("stopped; what was done so far is kept.")
        return INTERRUPTED
    except OSError as error:
        if error.errno == errno.ENOSPC:
            complain("the output cannot be written, as its disk is full")
            return COULD_NOT_RUN
        if not isinstance(error, BrokenPipeError):
            raise
        # the reader of our output has enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def run() -> NoReturn:
    """Run a command as a process of its own."""
    gc.set_threshold(100_000)  # importing makes tens of thousands of objects, and no garbage
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may lack a letter
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends us means Ctrl-C: stop cleanly
    code = main()
    gc.freeze()  # the process is over: looking through its objects once more would take 30 ms
    sys.exit(code)
