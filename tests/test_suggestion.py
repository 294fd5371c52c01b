from pathlib import Path

import pytest

from simsearch.suggestion import Vote, suggest

CUPS, TEAPOTS = Path("/photos/cups"), Path("/photos/teapots")


def test_most_votes_win_and_all_are_told():
    voters = [(TEAPOTS / "1.jpg", None), *((CUPS / f"{number}.jpg", None) for number in range(4))]
    told = suggest(voters, asked=10)
    assert (told.kind, told.confidence, told.asked) == (str(CUPS), 0.4, 10)
    assert told.votes == [Vote(str(CUPS), 4), Vote(str(TEAPOTS), 1)]


def test_of_as_many_votes_the_nearest_wins():
    assert suggest([(TEAPOTS / "1.jpg", None), (CUPS / "1.jpg", None)], asked=2).kind == str(TEAPOTS)


def test_a_label_takes_the_place_of_the_folder():
    told = suggest([(CUPS / "1.jpg", "Meissen"), (TEAPOTS / "1.jpg", "Meissen"), (CUPS / "2.jpg", None)], 3)
    assert told.votes == [Vote("Meissen", 2), Vote(str(CUPS), 1)]


@pytest.mark.parametrize("asked", [0, 10])
def test_a_picture_unlike_anything_is_said_to_be_so(asked):
    assert suggest([], asked) == (None, 0.0, asked, [])
