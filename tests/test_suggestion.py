from simsearch.suggestion import Vote, suggest


def test_most_votes_win_and_all_are_told():
    told = suggest(["teapots", "cups", "cups", "cups", "cups"], asked=10)
    assert (told.kind, told.confidence, told.asked) == ("cups", 0.4, 10)
    assert told.votes == [Vote("cups", 4), Vote("teapots", 1)]


def test_of_as_many_votes_the_nearest_wins():
    assert suggest(["teapots", "cups"], asked=2).kind == "teapots"


def test_a_picture_unlike_anything_is_said_to_be_so():
    assert suggest([], 0) == suggest([], 0) == (None, 0.0, 0, [])
    assert suggest([], 10) == (None, 0.0, 10, [])
