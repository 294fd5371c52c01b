import time

import pytest

from simsearch import reach


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(reach, "SECONDS", 0.1)
    monkeypatch.setattr(reach, "_silent_until", {})


def test_a_place_that_does_not_answer_is_not_there_and_not_asked_again(hurried, tmp_path):
    asked = []

    def hang():
        asked.append(1)
        time.sleep(1)
        return True

    started = time.monotonic()
    assert [reach.answer(tmp_path, hang, False) for _ in range(5)] == [False] * 5
    assert asked == [1] and time.monotonic() - started < 0.9
    assert reach.answer(tmp_path / "another", lambda: True, False)


def test_a_place_is_asked_again_later(hurried, tmp_path, monkeypatch):
    def sleep():
        time.sleep(1)
        return True

    monkeypatch.setattr(reach, "_SECONDS_UNASKED", 0.0)
    assert not reach.answer(tmp_path, sleep, False)
    assert reach.answer(tmp_path, lambda: True, False)


def test_what_is_there(tmp_path):
    here = tmp_path / "here"
    assert not reach.holds_anything(here)
    here.mkdir()
    assert not reach.holds_anything(here)
    (here / "a").write_text("x")
    (here / "dangling").symlink_to("nowhere")
    paths = [here / name for name in ("a", "b", "dangling")]
    assert reach.holds_anything(here) and not reach.holds_anything(here / "a")
    assert reach.there(here, paths) == {here / "a", here / "dangling"}
    assert [reach.is_gone(path) for path in (*paths, here / "a" / "b")] == [False, True, False, True]


def test_a_search_does_not_wait_for_a_dead_disk(hurried, toy_library, album, monkeypatch):
    from tests.conftest import paint

    path = paint(album / "1.png", "red")
    toy_library.sync(album)
    query = path.read_bytes()
    monkeypatch.setattr("os.path.lexists", lambda _: time.sleep(5))
    started = time.monotonic()
    assert toy_library.search(query)[0].offline
    assert time.monotonic() - started < 3
