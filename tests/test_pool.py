import errno
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from simsearch import SimsearchError, child, pool
from simsearch.child import Task
from simsearch.pool import examine_all
from tests.conftest import paint

TOY: tuple[str, list[str]] = ("tests.toy:ToyEncoder", [])
REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _workers():
    """Each test has workers of its own."""


@pytest.fixture
def tasks(album):
    """Six photos in shades of blue, with a pure red one third."""
    paths = [paint(album / f"{number}.png", (0, 0, 200 + number)) for number in range(6)]
    paint(paths[2], (255, 0, 0))
    return [Task(path) for path in paths]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(child, "SECONDS_A_FILE", 1.5)
    monkeypatch.setattr(child, "SECONDS_A_TICK", 0.1)


def examined(tasks, recipe, workers=1):
    """Examine; return the facts by file name, having checked that each file is answered once."""
    with closing(examine_all(tasks, recipe, workers=workers)) as answers:
        facts = [(answer.task.path.name, answer.facts) for answer in answers]
    assert len(facts) == len(tasks) == len(dict(facts))
    return dict(facts)


def failures(tasks, recipe, workers=1):
    answered = examined(tasks, recipe, workers).items()
    return {name: (facts["reason"], facts["retry"]) for name, facts in answered if "reason" in facts}


def mortal(diary, number, times):
    return "tests.toy:MortalEncoder", [str(diary), str(int(number)), str(times)]


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGKILL, signal.SIGTERM, signal.SIGALRM])
def test_a_file_that_fails_once_is_read_after_all(tasks, tmp_path, number):
    assert failures(tasks, mortal(tmp_path / "diary", number, times=1)) == {}
    first, second = (tmp_path / "diary").read_text().split()
    assert first != second


@pytest.mark.parametrize(
    ("number", "reason", "retry"),
    [
        (signal.SIGSEGV, "reading it crashed the decoder (SIGSEGV)", False),
        (signal.SIGRTMIN + 1, f"reading it crashed the decoder (signal {signal.SIGRTMIN + 1})", False),
        (signal.SIGKILL, "the process reading it was killed (SIGKILL), perhaps for want of memory", True),
        (signal.SIGTERM, "the process reading it was killed (SIGTERM), perhaps for want of memory", True),
        (signal.SIGALRM, "reading it took longer than 60 seconds", False),
    ],
)
def test_a_file_that_fails_twice_is_blamed_alone(tasks, tmp_path, number, reason, retry):
    assert failures(tasks, mortal(tmp_path / "diary", number, times=9)) == {"2.png": (reason, retry)}
    assert len((tmp_path / "diary").read_text().split()) == 2


def test_each_of_two_bad_neighbours_gets_its_two_tries(tasks, tmp_path):
    paint(tasks[3].path, (255, 0, 0))
    assert set(failures(tasks, mortal(tmp_path / "diary", signal.SIGABRT, times=9))) == {"2.png", "3.png"}
    assert len((tmp_path / "diary").read_text().split()) == 4


@pytest.mark.usefixtures("impatient")
def test_a_file_that_hangs_is_blamed_at_once(tasks, tmp_path):
    recipe = "tests.toy:SleepyEncoder", ["600", str(tmp_path / "diary")]
    assert failures(tasks[:1], recipe) == {"0.png": ("reading it took longer than 2 seconds", False)}
    assert len((tmp_path / "diary").read_text().split()) == 1


def test_a_file_that_needs_too_much_memory_is_blamed(tasks):
    answer = failures(tasks, ("tests.toy:HungryEncoder", []))
    assert answer == {"2.png": ("reading it takes more memory than a worker may have", False)}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its memory")
def test_a_worker_has_so_much_memory_and_no_more(tasks, monkeypatch):
    monkeypatch.setattr(child, "_MOST_MEMORY", 1 << 30)
    answer = failures(tasks, ("tests.toy:GreedyEncoder", []))
    assert answer == {"2.png": ("reading it takes more memory than a worker may have", False)}


@pytest.mark.parametrize(
    ("gigabytes", "workers", "each"), [(64, 2, 4.0), (8, 2, 3.0), (8, 16, 2.0), (1, 1, 0.75), (1, 8, 0.75)]
)
def test_workers_share_the_memory_there_is(monkeypatch, gigabytes, workers, each):
    monkeypatch.setattr("simsearch.memory.total", lambda: gigabytes << 30)
    assert child.memory_limit(workers) == each * (1 << 30)


def test_requests_and_answers_larger_than_a_pipe_do_not_wait_for_each_other(tasks, monkeypatch):
    monkeypatch.setattr(child, "SECONDS_A_FILE", 3.0)
    known = frozenset(f"{number:064}" for number in range(3000))
    assert failures([Task(task.path, known) for task in tasks], ("tests.toy:LavishEncoder", [])) == {}


def test_a_small_request_is_sent_ahead_and_a_large_one_when_the_worker_is_idle(tasks):
    large = Task(tasks[0].path, frozenset(f"{number:064}" for number in range(100)))
    with closing_worker(TOY, 1 << 30) as current:
        current.await_ready()
        assert current.send(large)
        assert current.send(tasks[1])
        assert not current.send(large)
        current.receive()
        current.receive()
        assert current.send(large)


class closing_worker(child.Child):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


@pytest.mark.usefixtures("impatient")
def test_a_decoder_that_prints_does_not_print_into_the_answers(tasks):
    assert failures(tasks[:2], ("tests.toy:NoisyEncoder", [])) == {}


def test_the_interrupt_of_the_terminal_is_not_for_the_workers(tasks, tmp_path):
    assert failures(tasks, mortal(tmp_path / "diary", signal.SIGINT, times=9)) == {}
    assert len((tmp_path / "diary").read_text().split()) == 1  # it lived on, and was not replaced


@pytest.mark.usefixtures("impatient")
def test_a_worker_stuck_in_its_start_is_one_clear_error(tasks):
    with pytest.raises(SimsearchError, match="process did not start: took longer than 2 seconds; try again"):
        examined(tasks, ("tests.toy:overslept", []))


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENOMEM])
def test_a_process_the_system_refuses_is_one_clear_error(tasks, monkeypatch, code):
    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(
        SimsearchError, match=f"did not start: {os.strerror(code)}; try again, or with --work"
    ):
        examined(tasks, TOY)


def test_a_thread_the_system_refuses_is_one_clear_error_and_leaves_nothing_behind(tasks, monkeypatch):
    start, before = threading.Thread.start, threading.active_count()

    def refuse_the_third(thread):
        if threading.active_count() == before + 2:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse_the_third)
    with pytest.raises(SimsearchError, match="did not start: can't start new thread; try again, or with --w"):
        examined(tasks, TOY, workers=4)
    assert threading.active_count() == before


def test_an_interrupt_does_not_wait_for_a_worker_that_is_starting(tasks):
    started = time.monotonic()
    timer = threading.Timer(0.7, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        examined(tasks, ("tests.toy:overslept", []), workers=2)
    assert time.monotonic() - started < 5


def test_a_worker_that_starts_while_the_pool_closes_is_stopped_too(tasks, monkeypatch):
    closing_now, begun = threading.Event(), threading.Event()

    class Late(child.Child):
        def __init__(self, *arguments):
            begun.set()
            closing_now.wait(5)
            super().__init__(*arguments)

    close = pool._Pool.close

    def close_then_go_on(self):
        close(self)
        closing_now.set()

    monkeypatch.setattr(child, "Child", Late)
    monkeypatch.setattr(pool._Pool, "close", close_then_go_on)
    threading.Thread(target=interrupt_when, args=[begun]).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        examined(tasks, ("tests.toy:overslept", []))
    assert time.monotonic() - started < 5


def interrupt_when(event):
    event.wait(5)
    time.sleep(0.2)  # until the main thread waits for answers
    os.kill(os.getpid(), signal.SIGINT)


def script(code, *arguments):
    """Start a program that indexes, for what would be bad for the tests' own process."""
    header = "import sys\nfrom pathlib import Path\nfrom simsearch import child, pool\n"
    return subprocess.Popen(
        [sys.executable, "-c", header + textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )


def test_files_are_not_blamed_for_the_time_everything_was_stopped(album, tmp_path):
    for number in range(6):
        paint(album / f"{number}.png", (0, 0, 100 + number))
    code = """
        child.SECONDS_A_TICK = 0.05
        tasks = [child.Task(path) for path in Path(sys.argv[1]).iterdir()]
        recipe = ("tests.toy:SleepyEncoder", ["0.25", sys.argv[2]])
        for answer in pool.examine_all(tasks, recipe, workers=1):
            if "reason" in answer.facts:
                print(answer.facts["reason"])
            elif child.SECONDS_A_FILE == 60:
                child.SECONDS_A_FILE = 0.9
                print("going", flush=True)
    """
    with script(code, album, tmp_path / "diary") as program:
        assert program.stdout.readline() == "going\n"
        time.sleep(0.4)  # until the short limit holds for the file in work
        stopped = [program.pid, int((tmp_path / "diary").read_text().split()[0])]
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        time.sleep(1.2)
        for process in stopped:  # the watchdog wakes up first, and finds no answer
            os.kill(process, signal.SIGCONT)
            time.sleep(0.25)
        assert program.communicate(timeout=20)[0] == ""
        assert program.returncode == 0
    assert len(set((tmp_path / "diary").read_text().split())) == 1  # nor was the worker replaced


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for a process in /proc")
def test_a_stuck_worker_does_not_outlive_a_killed_program(album, tmp_path):
    paint(album / "1.png", "blue")
    diary = tmp_path / "diary"
    code = """
        child.SECONDS_A_FILE = 0.8
        child.SECONDS_A_TICK = 100  # nobody watches
        recipe = ("tests.toy:SleepyEncoder", ["600", sys.argv[2]])
        list(pool.examine_all([child.Task(Path(sys.argv[1]))], recipe, workers=1))
    """
    with script(code, album / "1.png", diary) as program:
        assert until(lambda: diary.exists() and diary.read_text(), 10)
        program.kill()
    assert until(lambda: not lives(int(diary.read_text())), 5)


def lives(process):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def until(condition, seconds):
    """Wait for a condition; say whether it came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False
