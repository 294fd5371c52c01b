import os
import subprocess
import sys

import psutil
import pytest

from simsearch import memory

GIGABYTE = 1 << 30


def test_the_whole_is_no_more_than_the_machine_has():
    assert 0 < memory.total() <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("membership", "limits", "expected"),
    [
        ("0::/user/simsearch\n", {"user/simsearch/memory.max": "max\n", "user/memory.max": "4096\n"}, [4096]),
        ("0::/../elsewhere\n", {"memory.max": "8192\n"}, [8192]),
        (
            "3:cpu,cpuacct:/a\n2:memory:/a\n0::/a\n",
            {
                "memory/a/memory.limit_in_bytes": "512\n",
                "memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            [512, 9223372036854771712],
        ),
        ("0::/\n", {}, []),
        ("0::/\n", {"memory.max": "nonsense"}, []),
        (None, {}, []),
    ],
)
def test_control_groups_are_asked_up_to_the_root(tmp_path, monkeypatch, membership, limits, expected):
    monkeypatch.setattr(memory, "_MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path / "groups")
    if membership:
        (tmp_path / "membership").write_text(membership)
    for name, text in limits.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert list(memory._of_cgroups()) == expected


def run(code):
    """Limits are for good, so that they are tried in processes of their own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=os.getcwd())
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_limit_counts_as_all_there_is_and_is_never_raised():
    code = f"""
from simsearch import memory
for size in ({2 * GIGABYTE}, {GIGABYTE}, {3 * GIGABYTE}):
    memory.limit(size)
    print(memory.total())
"""
    assert run(code) == [str(2 * GIGABYTE), str(GIGABYTE), str(GIGABYTE)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to it")
def test_what_asks_for_more_than_the_limit_gets_a_memory_error():
    code = f"""
from simsearch import memory
memory.limit({GIGABYTE})
bytearray({GIGABYTE // 2})
try:
    bytearray({GIGABYTE})
except MemoryError:
    print("refused")
"""
    assert run(code) == ["refused"]


def test_a_system_without_limits_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory, "resource", None)
    memory.limit(1)
    assert memory.total() > 0
