import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from simsearch import BackboneError, EncoderMismatch, Library, LibraryError, PhotoError
from simsearch.encoder import EncoderIdentity
from tests.conftest import paint
from tests.toy import ToyEncoder


@pytest.fixture
def colours(toy_library, album):
    """A library of four colours."""
    for name, colour in {
        "red": (200, 0, 0),
        "orange": (200, 90, 0),
        "blue": (0, 0, 200),
        "sky": (60, 90, 200),
    }.items():
        paint(album / f"{name}.png", colour)
    toy_library.sync(album)
    return toy_library


def names(hits):
    return [hit.path.stem for hit in hits]


@pytest.mark.parametrize("kind", ["path", "text path", "bytes", "file", "image"])
def test_search_takes_a_picture_in_any_form(colours, tmp_path, kind):
    path = paint(tmp_path / "unseen.png", (255, 40, 0))
    forms = {
        "path": path,
        "text path": str(path),
        "bytes": path.read_bytes(),
        "file": io.BytesIO(path.read_bytes()),
        "image": Image.new("RGB", (8, 8), (255, 40, 0)),
    }
    assert names(colours.search(forms[kind], k=2)) == ["red", "orange"]


def test_a_hit_says_what_is_known_of_the_photo(toy_library, album):
    exif = Image.Exif()
    exif[0x0132] = "2019:07:21 16:05:09"
    path = paint(album / "1.jpg", "red", (30, 20), exif=exif)
    toy_library.sync(album)
    [hit] = toy_library.search(path)
    assert (hit.path, hit.width, hit.height) == (path, 30, 20)
    assert hit.taken_at.isoformat() == "2019-07-21T16:05:09"
    assert hit.score == pytest.approx(1, abs=2e-3) and hit.score <= 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        hit.score = 2


@pytest.mark.parametrize("form", ["hit", "id", "path", "text path"])
def test_similar_takes_a_photo_in_any_form_and_never_returns_it(colours, album, form):
    [hit] = colours.search(album / "red.png", k=1)
    photo = {"hit": hit, "id": hit.id, "path": hit.path, "text path": str(hit.path)}[form]
    assert names(colours.similar(photo)) == ["orange", "sky", "blue"]
    assert names(colours.similar(photo, k=1)) == ["orange"]


@pytest.mark.parametrize("photo", [999, "/nowhere/x.jpg"])
def test_it_is_said_when_a_photo_is_not_in_the_library(colours, photo):
    for ask in (colours.similar, colours.photo):
        with pytest.raises(PhotoError, match="not in this library"):
            ask(photo)


def test_a_photo_of_the_library_is_a_hit_of_itself(colours, album):
    hit = colours.photo(album / "red.png")
    assert (hit.path, hit.width, hit.score) == (album / "red.png", 8, 1)
    assert colours.photo(hit.id) == colours.photo(str(hit.path)) == colours.photo(hit) == hit


def test_k_may_exceed_the_library_but_not_be_below_one(colours, album):
    assert len(colours.search(album / "red.png", k=100)) == 4
    for ask in (colours.search, colours.similar):
        with pytest.raises(ValueError, match="k must be at least 1, not 0"):
            ask(album / "red.png", k=0)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("gone.png", None, "no such file"),
        ("text.jpg", b"this is text", "not a picture"),
        ("", None, "directory"),
    ],
)
def test_search_says_what_is_wrong_with_a_picture(colours, tmp_path, name, content, reason):
    if content:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PhotoError, match=reason):
        colours.search(tmp_path / name)


def test_a_picture_the_network_makes_nothing_of_is_a_photo_error(colours, tmp_path):
    with pytest.raises(PhotoError, match="sees nothing in black"):
        colours.search(paint(tmp_path / "black.png", "black"))


def test_an_empty_library_finds_nothing(toy_library, tmp_path):
    assert toy_library.search(paint(tmp_path / "x.png", "red")) == []


def test_an_open_library_sees_what_another_process_adds(colours, album, tmp_path):
    query = paint(tmp_path / "unseen.png", "green")
    colours.search(query)
    with Library.open(colours.path, encoder=ToyEncoder()) as other:
        paint(album / "green.png", "green")
        other.sync(album)
    assert names(colours.search(query, k=1)) == ["green"]


def test_a_photo_that_is_gone_is_shown_from_its_thumbnail(colours, album):
    [hit] = colours.search(album / "red.png", k=1)
    (album / "red.png").unlink()
    assert colours.preview(hit, 100) == colours.thumbnail(hit)
    with pytest.raises(PhotoError):
        colours.preview(album / "red.png", 100)


def test_a_preview_is_upright_and_small(colours):
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.new("RGB", (400, 200), "red").save(stream, "PNG", exif=exif)
    assert Image.open(io.BytesIO(colours.preview(stream.getvalue(), 100))).size == (50, 100)


# Several examples, and what is wanted of the hits


@pytest.fixture
def wheel(toy_library, album):
    """A library of 120 colours, by what share of them is red and blue."""
    for number in range(120):
        paint(album / f"{number:03}.png", (20 + number, 60, 140 - number))
    toy_library.sync(album)
    return toy_library


def test_several_pictures_are_searched_with_in_a_list_or_a_tuple(colours, album, tmp_path):
    unseen = paint(tmp_path / "unseen.png", (255, 40, 0))
    one = colours.search(unseen)
    assert colours.search([unseen]) == colours.search((unseen,)) == one
    mixed = [Image.new("RGB", (8, 8), (200, 0, 0)), paint(tmp_path / "b.png", (0, 0, 200)).read_bytes()]
    hits = colours.search(mixed)
    assert len(hits) == 4 and {*names(hits)[-2:]} & {"orange"}, "between red and blue there is no green"
    purple = colours.search(Image.new("RGB", (8, 8), (200, 0, 200)))
    assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in purple], abs=1e-3)
    assert {hit.path.stem: hit.cosine for hit in hits}["red"] == pytest.approx(1, abs=1e-3), (
        "with the nearest"
    )


def test_hits_are_examples_too_and_do_not_answer(colours, album):
    red, orange = (next(iter(colours.search(album / f"{name}.png", k=1))) for name in ("red", "orange"))
    assert names(colours.search(red)) == ["orange", "sky", "blue"]
    assert {*names(colours.search([red, orange]))} == {"sky", "blue"}
    # A file is a picture like any other, though the library has it.
    assert {*names(colours.search([album / "red.png", orange]))} == {"red", "sky", "blue"}
    assert colours.search([red, orange, *colours.search(album / "sky.png", k=4)]) == []


def test_what_it_shall_not_be_like_is_pushed_back_and_does_not_answer(colours, album):
    picture = Image.new("RGB", (8, 8), (150, 50, 150))
    assert names(colours.search(picture, k=1)) != ["red"]
    for minus in (album / "blue.png", [album / "blue.png"], [album / "blue.png", album / "sky.png"]):
        hits = colours.search(picture, minus=minus)
        assert names(hits)[0] in ("red", "orange")
        assert len(hits) == 4 - (len(minus) if isinstance(minus, list) else 1), "they do not answer"
    [blue] = colours.search(album / "blue.png", k=1)
    assert "blue" not in names(colours.search(picture, minus=blue))
    assert "blue" not in names(colours.similar(album / "red.png", minus=[blue]))


def test_without_an_example_there_is_nothing_to_search_with(colours, album):
    empty: tuple[list[str], tuple[str, ...]] = [], ()
    for nothing in empty:
        with pytest.raises(ValueError, match="there must be a picture to search with"):
            colours.search(nothing, minus=album / "red.png")


def test_a_part_is_one_of_the_first_picture(colours, album, tmp_path):
    half = Image.new("RGB", (8, 8), "red")
    half.paste("blue", (4, 0, 8, 8))
    blue = colours.search([half], crop=(4, 0, 4, 4))
    assert names(blue)[0] == "blue"
    both = colours.search([half, album / "blue.png"], crop=(4, 0, 4, 4))
    assert [hit.score for hit in both] == pytest.approx([hit.score for hit in blue], abs=1e-3)
    assert names(colours.search([album / "red.png"], k=1, crop=(0, 0, 1, 1))) == ["red"]


def test_one_bad_picture_among_several_is_named(colours, album):
    for ask in ({"image": [album / "red.png", album / "gone.png"]}, {"minus": album / "gone.png"}):
        with pytest.raises(PhotoError, match=r"gone\.png: no such file"):
            colours.search(**{"image": album / "red.png", **ask})


@pytest.mark.parametrize("diversity", [-0.01, 1.01, float("nan"), float("inf")])
def test_diversity_is_from_zero_to_one(colours, album, diversity):
    with pytest.raises(ValueError, match="diversity must be from 0 to 1, not"):
        colours.search(album / "red.png", diversity=diversity)


@pytest.mark.parametrize(
    ("trust", "related"), [(None, True), ("same kind", True), ("probably unrelated", False)]
)
def test_a_hit_is_related_unless_it_is_known_not_to_be(colours, album, trust, related):
    [hit] = colours.search(album / "red.png", k=1)
    assert dataclasses.replace(hit, trust=trust).related is related


def test_folded_hits_say_whom_they_stand_for(wheel, album):
    for number in range(3):
        paint(album / f"copy-{number}.png", (250, 250, 250))
    wheel.sync(album)
    query = Image.new("RGB", (8, 8), (255, 255, 255))
    first, *others = wheel.search(query, fold=True)
    same = {album / f"copy-{number}.png" for number in range(3)}
    assert first.path in same and same <= {first.path, *first.copies}
    assert len(others) == 14
    assert not {first.path, *first.copies} & {hit.path for hit in others}
    assert wheel.search(query)[0].copies == ()


def test_similar_passes_its_options_on(wheel, album):
    photo = album / "060.png"
    plain = wheel.similar(photo)
    assert len(plain) == 15 and photo not in {hit.path for hit in plain}
    assert all(hit.score == hit.cosine for hit in wheel.similar(photo, 3, rerank=False))
    assert any(hit.score != hit.cosine for hit in plain)
    assert wheel.similar(photo, rerank=False, engine="faiss")[0].score == pytest.approx(
        wheel.similar(photo, rerank=False, engine="exact")[0].score, abs=1e-3
    )
    spread = [int(hit.path.stem) for hit in wheel.similar(photo, diversity=1.0)]
    assert max(spread) - min(spread) > 40 > 2 * max(abs(int(hit.path.stem) - 60) for hit in plain) - 20
    assert wheel.similar(photo, under=album, min_size=9) == []
    with pytest.raises(ValueError, match="diversity"):
        wheel.similar(photo, diversity=2)
    with pytest.raises(ValueError, match="no filter colour"):
        wheel.similar(photo, colour="red")


def test_similar_to_a_photo_that_was_forgotten_says_so_and_names_it(colours, album):
    [hit] = colours.search(album / "red.png", k=1)
    colours.forget(album / "red.png")
    for photo in (hit, hit.id, hit.path):
        with pytest.raises(PhotoError, match="not in this library") as raised:
            colours.similar(photo)
        assert "Hit(" not in str(raised.value)
    with pytest.raises(PhotoError, match=r"red\.png: not in this library"):
        colours.search([album / "blue.png"], minus=[hit])


def test_similar_to_a_photo_whose_file_is_gone(colours, album):
    (album / "red.png").unlink()
    colours.sync(album)
    assert names(colours.similar(album / "red.png")) == ["orange", "sky", "blue"]


# A part


@pytest.fixture
def halves(tmp_path):
    """A picture, red on the left and blue on the right, that lies on its side in the file."""
    image = Image.new("RGB", (20, 10), (200, 0, 0))
    image.paste((0, 0, 200), (10, 0, 20, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise, as it is here turned back
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "halves.png", exif=exif)
    return tmp_path / "halves.png"


@pytest.mark.parametrize(
    ("crop", "found"), [((0, 0, 10, 10), "red"), ((10, 1, 9, 9), "blue"), ((0.5, 0, 0.5, 1), "blue")]
)
def test_a_part_of_a_picture_is_searched_with(colours, halves, crop, found):
    [hit] = colours.search(halves, k=1, crop=crop)
    assert hit.path.stem == found and hit.score > 0.999


def test_of_several_examples_the_first_is_the_one_in_parts(colours, album, halves):
    part = (10, 0, 10, 10)
    assert names(colours.search([halves, colours.photo(album / "sky.png")], crop=part))[0] == "blue"
    assert names(colours.search(halves, minus=halves, crop=part))[0] == "blue"


def test_the_whole_is_a_part_too(colours, halves):
    assert colours.search(halves, crop=(0, 0, 1, 1)) == colours.search(halves)


def test_a_part_of_a_photo_of_the_library(colours, album, halves):
    halves.rename(album / "halves.png")
    colours.sync(album)
    hits = colours.similar(album / "halves.png", crop=(0.5, 0, 0.5, 1))
    assert names(hits)[0] == "blue" and "halves" not in names(hits) and len(hits) == 4


def test_of_a_photo_that_is_gone_the_thumbnail_s_part_is_taken(colours, album):
    image = Image.new("RGB", (1000, 500), (200, 0, 0))
    image.paste((0, 0, 200), (500, 0, 1000, 500))
    image.save(album / "wide.png")
    colours.sync(album)
    wide = next(hit for hit in colours.search(album / "wide.png") if hit.path.stem == "wide")
    (album / "wide.png").unlink()
    assert names(colours.similar(wide, 1, crop=(600, 0, 5000, 500))) == ["blue"]
    shown = Image.open(io.BytesIO(colours.preview(wide, 100, (0, 0, 500, 500))))
    assert shown.size == (100, 100) and np.asarray(shown)[..., 0].min() > 150


def test_a_part_beside_the_picture_is_refused(colours, halves):
    with pytest.raises(ValueError, match="crop must be on the picture, which is 20 x 10 pixels"):
        colours.search(halves, crop=(20, 0, 5, 5))
    with pytest.raises(ValueError, match="beside it"):
        colours.preview(halves, 100, (0, 12, 5, 5))


# Kinds


def test_kinds_are_the_folders_of_photos_that_are_there_or_their_labels(toy_library, album, tmp_path):
    assert toy_library.kinds() == 0
    for name in ("1.png", "2.png", "cups/1.png", "cups/2.png", "cups/blue/1.png"):
        paint(album / name, (len(name), 0, 0))
    paint(tmp_path / "other" / "cups" / "1.png", (0, 0, 9))
    toy_library.sync(album, tmp_path / "other")
    assert toy_library.kinds() == 4
    (album / "cups" / "blue" / "1.png").unlink()
    toy_library.sync(album)
    assert toy_library.kinds() == 3
    store = toy_library._store
    with store.transaction():
        store.set_labels({toy_library.photo(album / name).id: "my cup" for name in ("1.png", "2.png")})
    assert toy_library.kinds() == 3, "a label in place of a folder"
    with store.transaction():
        store.set_labels({toy_library.photo(album / "cups" / "1.png").id: "my cup"})
    assert toy_library.kinds() == 4


# Opening


def test_a_library_is_reopened_with_what_it_holds(colours):
    colours.close()
    with Library.open(colours.path, encoder=ToyEncoder()) as again:
        assert len(again) == 4


def test_opening_may_be_told_not_to_create(tmp_path):
    with pytest.raises(LibraryError, match="no library here yet; make one with: simsearch index FOLDER"):
        Library.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_another_network_is_refused_naming_both(colours):
    with pytest.raises(EncoderMismatch, match="made with toy, not with efficientnet-lite0") as raised:
        Library.open(colours.path, backbone="efficientnet-lite0")
    assert (raised.value.stored, raised.value.asked) == ("toy", "efficientnet-lite0")
    assert len(colours) == 4


def test_the_same_network_with_other_weights_is_refused_before_anything_is_mixed(colours, album):
    class Retrained(ToyEncoder):
        identity = EncoderIdentity("toy", "1" * 64, "mean-colour", "exact")

    with Library.open(colours.path, encoder=Retrained()) as other:
        for use in (lambda: other.sync(album), lambda: other.search(album / "red.png")):
            with pytest.raises(EncoderMismatch, match="00000000.*11111111"):
                use()


def test_an_unknown_backbone_is_refused_naming_the_known(tmp_path):
    with pytest.raises(BackboneError, match="choose one of ResNet50, "):
        Library.open(tmp_path / "library", backbone="resnet9000")


def test_a_file_in_place_of_the_folder_is_a_clear_error(tmp_path):
    (tmp_path / "library").write_text("x")
    with pytest.raises(LibraryError, match="a file, not a folder"):
        Library.open(tmp_path / "library")


def test_the_default_folder_is_the_environment_s_then_here_then_the_user_s(tmp_path, monkeypatch):
    from simsearch.folders import default_folder

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "index").mkdir()
    assert default_folder() == tmp_path / "data" / "simsearch"  # any folder called index is not ours
    (tmp_path / "index" / "README.md").touch()
    assert default_folder() == tmp_path / "index"
    monkeypatch.setenv("SIMSEARCH_LIBRARY", str(tmp_path / "mine"))
    assert default_folder() == tmp_path / "mine"


def test_status_counts(colours, album):
    (album / "broken.jpg").write_text("x")
    (album / "red.png").unlink()
    colours.sync(album)
    status = colours.status()
    assert (status["photos"], status["missing"], status["failed"]) == (3, 1, 1)
    assert status["folders"] == [{"path": str(album), "online": True, "photos": 3, "missing": 1, "failed": 1}]
    assert status["backbone"] == "toy" and status["bytes"] > 0


# Engines


@pytest.fixture
def many(toy_library, album):
    """A library of 120 colours."""
    for number in range(120):
        paint(album / f"{number:03}.png", (2 * number, 255 - 2 * number, (53 * number) % 256))
    toy_library.sync(album)
    return toy_library


@pytest.mark.parametrize("engine", ["auto", "exact", "faiss", "lsh"])
def test_every_engine_answers_searches_and_likes(many, album, engine):
    [hit, *_] = many.search(album / "050.png", k=10, engine=engine)
    assert (hit.path.stem, hit.score) == ("050", pytest.approx(1, abs=2e-3))
    others = many.similar(hit, k=10, engine=engine)
    assert len(others) == 10 and hit.id not in [other.id for other in others]


@pytest.mark.parametrize("engine", ["", "FAISS", "hnsw"])
def test_an_unknown_engine_is_refused(many, album, engine):
    for ask in (many.search, many.similar):
        with pytest.raises(ValueError, match=f"one of auto, exact, faiss, lsh, milvus, not {engine}"):
            ask(album / "050.png", engine=engine)


def test_comparing_lets_every_engine_answer(many, album):
    told = many.compare(album / "050.png", k=5)
    exact, faiss, lsh = told["answers"]
    assert [answer["engine"] for answer in told["answers"]] == ["exact", "faiss", "lsh"]
    assert (exact["recall"], exact["scanned"], exact["compared"]) == (1, 1, 1)
    plain = many.search(album / "050.png", k=5, engine="exact", rerank=False)
    assert [(hit.id, hit.score) for hit in exact["hits"]] == [(hit.id, hit.cosine) for hit in plain]
    assert faiss["hits"] == exact["hits"]
    assert 0 <= lsh["recall"] <= 1 and 0 < lsh["scanned"] <= 1
    assert len(told["missed"]) == round(5 * (1 - lsh["recall"]))
    assert set(told["settings"]) == {"bits", "tables", "probes", "hits"}
    assert all(answer["milliseconds"] > 0 and answer["bytes"] > 0 for answer in told["answers"])


@pytest.mark.parametrize(("k", "count"), [(5, 5), (500, 119)])
def test_a_photo_compared_with_is_none_of_its_own_hits(many, album, k, count):
    hit = many.photo(album / "050.png")
    told = many.compare(hit, k=k)
    exact, faiss, lsh = told["answers"]
    nearest = many.similar(hit, k=k, engine="exact", rerank=False)
    assert [one.id for one in exact["hits"]] == [one.id for one in nearest]
    assert [len(answer["hits"]) for answer in (exact, faiss)] == [count, count]
    assert hit.id not in [one.id for one in lsh["hits"]] and exact["recall"] == faiss["recall"] == 1
    assert len(told["missed"]) == round(count * (1 - lsh["recall"]))


def test_a_photo_that_is_alone_is_compared_with_nothing(toy_library, album):
    paint(album / "1.png", "red")
    toy_library.sync(album)
    told = toy_library.compare(toy_library.photo(album / "1.png"))
    assert [answer["hits"] for answer in told["answers"]] == [[], [], []] and told["missed"] == []


def test_comparing_says_what_lsh_missed_and_why(many, album):
    many.tune(bits=8, tables=4, probes=4, hits=2)
    told = many.compare(album / "050.png", k=40)
    lsh = told["answers"][2]
    assert told["settings"] == {"bits": 8, "tables": 4, "probes": 4, "hits": 2}
    assert len(lsh["hits"]) == 40, "it is topped up"
    missed = {miss["hit"].id: miss for miss in told["missed"]}
    assert not missed.keys() & {hit.id for hit in lsh["hits"]}
    truth = {hit.id for hit in told["answers"][0]["hits"]}
    assert missed.keys() == truth - {hit.id for hit in lsh["hits"]}
    for miss in missed.values():
        assert -1 <= miss["cosine"] <= 1 + 1e-6
        assert miss["probes_needed"] is None or miss["probes_needed"] > 4


def test_an_empty_library_can_be_compared_with(toy_library, tmp_path):
    told = toy_library.compare(paint(tmp_path / "x.png", "red"))
    assert [answer["hits"] for answer in told["answers"]] == [[], [], []]
    assert told["missed"] == []
    assert toy_library.lsh_similarities() == ([], [])


def test_similarities_are_those_of_neighbours_and_of_others(many):
    nearest, others = many.lsh_similarities()
    assert len(nearest) == 120 * 15 and len(others) > 1_000
    assert sum(nearest) / len(nearest) > sum(others) / len(others) + 0.5


def test_the_s_curve_rises(many):
    cosines, found = zip(*many.lsh_curve(bits=8, tables=8, probes=8, hits=1), strict=True)
    assert cosines[0] < 0 and cosines[-1] == 1 and list(cosines) == sorted(cosines)
    assert found[0] < 0.3 and found[-1] == 1


@pytest.mark.parametrize("recall", [0, -1, 1.01, float("nan")])
def test_tuning_for_an_impossible_recall_is_refused(many, recall):
    with pytest.raises(ValueError, match="above 0 and up to 1"):
        many.tune(recall)


def test_tuning_an_empty_library_says_what_to_do(toy_library):
    with pytest.raises(LibraryError, match="no photos yet; index some"):
        toy_library.tune()


def test_a_library_of_one_photo_can_be_tuned(toy_library, album):
    paint(album / "1.png", "red")
    toy_library.sync(album)
    assert toy_library.tune()["recall"] == 1
    assert len(toy_library.search(album / "1.png", engine="lsh")) == 1


def test_an_empty_library_that_is_open_takes_the_network_of_whoever_indexes_first(tmp_path, monkeypatch):
    class Networks(ToyEncoder):
        def __init__(self, name):
            self.identity = ToyEncoder.identity._replace(backbone=name)

    monkeypatch.setattr("simsearch.encoder.open_encoder", lambda name, **_: Networks(name))
    monkeypatch.setattr(
        "simsearch.encoder.stored_encoder", lambda identity, *_, **__: Networks(identity.backbone)
    )
    with (
        Library.open(tmp_path / "library") as waiting,
        Library.open(tmp_path / "library", backbone="efficientnet-lite0") as first,
    ):
        assert waiting.encoder.identity.backbone == waiting.backbone == "efficientnet-lite2"
        first.sync(paint(tmp_path / "album" / "1.png", "red").parent)
        assert waiting.backbone == "efficientnet-lite0"
        assert waiting.search(tmp_path / "album" / "1.png")[0].score > 0.99


# A picture that is decoded and encoded once


class _Counting(ToyEncoder):
    def __init__(self):
        super().__init__()
        self.encoded = 0

    def encode(self, pixels):
        self.encoded += 1
        return super().encode(pixels)


def test_a_query_is_encoded_once_and_answers_as_its_picture(tmp_path, album, halves):
    paint(album / "red.png", (255, 0, 0))
    paint(album / "blue.png", (0, 0, 255))
    encoder = _Counting()
    with Library.open(tmp_path / "library", encoder=encoder) as library:
        library.sync(album)
        before = encoder.encoded
        query = library.query(halves.read_bytes(), crop=(0.5, 0, 0.5, 1))
        found = library.search(query, 2, fold=True)
        assert library.suggest(query).asked == 2
        library.place(query), library.compare(query, 2)
        assert encoder.encoded == before + 1
        assert found == library.search(halves, 2, crop=(0.5, 0, 0.5, 1), fold=True)
        assert library.preview(query, 8) == library.preview(halves, 8, (0.5, 0, 0.5, 1))
        assert query.milliseconds.keys() == {"decode", "encode"} and min(query.milliseconds.values()) > 0


@pytest.mark.parametrize("crop", [None, (0, 0, 1, 1)])
def test_a_query_of_a_photo_of_the_library_is_not_its_own_answer(colours, album, crop):
    red = colours.photo(album / "red.png")
    query = colours.query(red, crop=crop)
    assert query.photo == red.id
    assert colours.search(query, crop=None) == colours.search(red, crop=crop)
    assert red.id not in {hit.id for hit in colours.search(album / "blue.png", minus=query)}


def test_a_part_of_a_query_is_cut_out_of_it(colours, halves):
    [name] = names(colours.search(colours.query(halves), 1, crop=(0.5, 0, 0.5, 1)))
    assert name in ("blue", "sky")


def test_photos_are_found_by_words_of_their_path(toy_library, album):
    for name in ("trips/Rome 2020/a_1.png", "trips/rome 2021/a%1.png", "home/a1.png"):
        paint(album / name, (1, 2, 3))
    toy_library.sync(album)
    found = {text: len(toy_library.named(text)) for text in ("ROME", "rome 2020", "a_1", "%", "png", "", "x")}
    assert found == {"ROME": 2, "rome 2020": 1, "a_1": 1, "%": 1, "png": 3, "": 3, "x": 0}
    assert len(toy_library.named("png", 2)) == 2


def test_a_sample_is_of_photos_that_are_there_and_each_once(colours, album):
    (album / "red.png").unlink()
    colours.sync(album)
    drawn = [names(colours.sample(2)) for _ in range(50)]
    assert all(len(set(some)) == len(some) <= 2 for some in drawn)
    assert {name for some in drawn for name in some} == {"orange", "blue", "sky"}
    assert colours.random() is not None


def test_failures_are_told_by_reason_and_some_at_a_time(toy_library, album):
    for name in ("a.png", "b.png", "c.png"):
        (album / name).write_text("x")
    paint(album / "d.png", "black")
    toy_library.sync(album)
    (often, count), (seldom, once) = toy_library.failure_reasons().items()
    assert (count, once) == (3, 1) and "toy sees nothing" in seldom
    names = [path.name for path, _ in toy_library.failures(reason=often, most=2, skip=1)]
    assert names == ["b.png", "c.png"]
    assert [path.name for path, _ in toy_library.failures(reason=seldom)] == ["d.png"]
