"""Tables, and files that somebody names."""

import os

import pytest

from simsearch import tables
from simsearch.errors import WriteError


def test_a_table_has_its_head_and_names_as_they_are():
    name = os.fsdecode(b'caf\xe9, "x".jpg')
    assert tables.as_csv(("path", "n"), [(name, 1), ("é", None)]) == (
        b'path,n\r\n"caf\xe9, ""x"".jpg",1\r\n' + "é,\r\n".encode()
    )


@pytest.mark.parametrize("name", ["a.jpg", "a.JPG", "new/a.cr2", "link.csv"])
def test_a_name_of_a_photo_is_refused(tmp_path, name):
    (tmp_path / "link.csv").symlink_to(tmp_path / "b.png")
    with pytest.raises(WriteError, match="that is the name of a photo; choose another name"):
        tables.save(tmp_path / name, b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["link.csv"]


def test_links_are_followed_and_stay(tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "b.csv")
    tables.save(tmp_path / "link.csv", b"x")
    assert (tmp_path / "link.csv").is_symlink() and (tmp_path / "b.csv").read_bytes() == b"x"


def test_what_takes_bytes_is_given_them():
    end, other = os.openpty()
    tables.save(os.ttyname(other), b"x")
    assert os.read(end, 1) == b"x"
    tables.save("/dev/null", b"x")
    assert not os.path.isfile("/dev/null")
