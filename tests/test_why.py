"""Why two pictures are alike: heat that can be computed by hand, and drawn where it belongs."""

import io

import numpy as np
import pytest
from PIL import Image

from simsearch import Library, why
from tests.conftest import paint
from tests.toy import ToyEncoder

RED, GREEN, BLUE = np.eye(3, dtype=np.float32)


def same(vectors):
    return vectors


def shown(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)), dtype=int)


def test_heat_is_the_cosine_of_each_cell_with_the_other_picture():
    cells = np.array([[RED * 5, GREEN], [(RED + GREEN) * 3, RED * 0]])
    np.testing.assert_allclose(why.heat(cells, RED, same), [[1, 0], [0.5**0.5, 0]], atol=1e-6)


def test_heat_is_seen_from_the_mean():
    mean = (RED + GREEN) / 2
    # From there red and green are opposite each other, and what is half of both is nowhere.
    cells = np.array([[RED, GREEN, BLUE]])
    found = why.heat(cells, RED, why.centred(mean))
    np.testing.assert_allclose(found, [[1, -1, 0]], atol=1e-6)
    assert why.heat(mean[None, None], RED, why.centred(mean)) == pytest.approx(0.0, abs=0.6)


@pytest.mark.parametrize(
    ("size", "place"),
    [((90, 90), (0, 0, 9, 9)), ((300, 200), (0, 1.5, 9, 7.5)), ((10, 90), (4, 0, 5, 9))],
)
def test_a_picture_lies_in_the_middle_of_its_map(size, place):
    assert why.extent(size, (9, 9)) == pytest.approx(place)


@pytest.mark.parametrize(
    ("inner", "outer", "excess"),
    [
        (0, 1, 0.25),  # all on the border, which is three quarters
        (1, 0, -0.75),
        (1, 1, 0),
        (3, 1, -0.25),  # four cells of 3 are as much as twelve of 1
        (-1, -1, -0.75),  # nothing is warm
        (-1, 1, 0.25),
    ],
)
def test_the_border_s_share_of_the_heat(inner, outer, excess):
    found = np.full((4, 4), outer, np.float32)
    found[1:3, 1:3] = inner
    assert why.border_excess(found, why.Extent(0, 0, 4, 4)) == pytest.approx(excess)


def test_cells_partly_on_the_picture_count_in_part():
    found = np.ones((3, 4), np.float32)
    found[0] = 9  # half of the first row is on the picture: (0, 0.5) to (4, 2.5)
    found[2] = 0
    place = why.Extent(0, 0.5, 4, 2.5)
    # Heat: 4 x 0.5 x 9 + 4 x 1; in the middle, (1, 1) to (3, 2), 2.
    assert why.border_excess(found, place) == pytest.approx(0.25 - 2 / 22)


def halves(left, right, size=(64, 32)):
    image = Image.new("RGB", size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def test_what_is_like_the_other_picture_is_bright_and_the_rest_is_grey():
    # The toy's cells are two pixels; seen from grey, red and blue are far from each other.
    project = why.centred(np.full(3, 3**-0.5, np.float32))
    query = halves((250, 0, 0), (0, 0, 250))
    answer = why.explain(query, Image.new("RGB", (32, 64), (250, 0, 0)), ToyEncoder(), project)
    drawn = shown(answer.query)
    assert drawn.shape == (350, 700, 3), "its own proportions"
    left, right = drawn[100:250, 40:200].mean(axis=(0, 1)), drawn[100:250, 500:660].mean(axis=(0, 1))
    assert left.max() - left.min() > 60, "coloured"
    assert right.max() - right.min() < 12, "grey"
    assert shown(answer.hit).shape == (700, 350, 3)


def test_colours_are_on_one_scale_for_both_and_faint_where_little_matches():
    project = why.centred(np.full(3, 3**-0.5, np.float32))
    red, blue = (Image.new("RGB", (32, 32), colour) for colour in ((250, 0, 0), (0, 0, 250)))
    alike, unlike = (
        why.explain(red, red, ToyEncoder(), project),
        why.explain(red, blue, ToyEncoder(), project),
    )
    assert np.abs(shown(alike.query) - shown(alike.hit)).max() == 0
    assert np.ptp(shown(alike.hit)[350, 350]) > 100 and np.ptp(shown(unlike.hit)[350, 350]) < 6


def framed(middle, border):
    image = Image.new("RGB", (64, 64), border)
    image.paste(middle, (16, 16, 48, 48))
    return image


def test_a_match_on_the_border_is_remarked_upon():
    project = why.centred(np.full(3, 3**-0.5, np.float32))
    red, green, blue = (250, 0, 0), (0, 250, 0), (0, 0, 250)
    background = why.explain(framed(green, red), framed(blue, red), ToyEncoder(), project)
    assert background.note and "may be the background" in background.note
    assert why.explain(framed(red, green), Image.new("RGB", (9, 9), red), ToyEncoder(), project).note is None
    assert why.explain(framed(green, red), framed(blue, red), ToyEncoder(), None).note is None, (
        "without a mean"
    )


def test_the_letterbox_is_left_out():
    place = why.extent((64, 16), (4, 4))
    found = np.arange(16, dtype=np.float32).reshape(4, 4)
    assert place == (0, 1.5, 4, 2.5)
    np.testing.assert_array_equal(why._on_picture(found, place), found[1:3])
    assert why._within(place) == (0, 0.5, 4, 1.5)


# The library


@pytest.fixture
def many(toy_library, album):
    for number in range(120):
        paint(
            album / f"{number}.png", (40 + 37 * number % 200, 40 + 59 * number % 200, 40 + 83 * number % 200)
        )
    halves((200, 0, 0), (0, 0, 200), (600, 300)).save(album / "halves.png")
    toy_library.sync(album)
    return toy_library


def test_a_hit_is_explained_for_a_picture_its_part_and_a_photo(many, tmp_path):
    query = tmp_path / "query.png"
    halves((220, 0, 0), (0, 0, 220), (600, 300)).save(query)
    hit = next(hit for hit in many.search(query, k=200) if hit.path.stem == "halves")
    whole, part = many.why(query, hit), many.why(query, hit, crop=(0, 0, 300, 300))
    assert shown(whole.query).shape == (350, 700, 3) == shown(whole.hit).shape
    assert shown(part.query).shape == (700, 700, 3)
    assert np.ptp(shown(part.hit)[175, 100]) > 60 and np.ptp(shown(part.hit)[175, 600]) < 12
    other = many.similar(hit, k=1)[0]
    assert shown(many.why(hit, other).query).shape == (350, 700, 3)


def test_a_hit_whose_file_is_away_is_explained_from_its_thumbnail(many, album):
    hit = next(hit for hit in many.search(album / "halves.png", k=200) if hit.path.stem == "halves")
    there = many.why(hit, hit)
    (album / "halves.png").unlink()
    away = many.why(hit, hit)
    assert np.abs(shown(there.hit) - shown(away.hit)).mean() < 5


def test_a_library_of_few_photos_explains_without_a_mean(toy_library, album, tmp_path):
    paint(album / "red.png", "red")
    toy_library.sync(album)
    [hit] = toy_library.search(album / "red.png")
    assert toy_library.why(album / "red.png", hit).note is None


def test_a_part_beside_the_picture_is_refused(many, album):
    hit = next(hit for hit in many.search(album / "halves.png", k=200) if hit.path.stem == "halves")
    with pytest.raises(ValueError, match="crop must be on the picture"):
        many.why(hit, hit, crop=(600, 0, 5, 5))


# The network


@pytest.mark.network
def test_the_network_s_map_makes_its_embedding(gallery):
    from simsearch import pixels
    from simsearch.encoder import open_encoder

    encoder = open_encoder("efficientnet-lite2")
    picture = pixels.letterbox(Image.open(next(gallery.rglob("*.jpg"))), encoder.input_size)
    cells = encoder.cells(picture)
    assert cells.shape == (9, 9, encoder.dim) and cells.dtype == np.float32 and cells.min() >= 0
    pooled = np.cbrt((cells.astype(np.float64) ** 3).mean(axis=(0, 1)))
    np.testing.assert_allclose(encoder.encode(picture), pooled / np.linalg.norm(pooled), atol=1e-6)


@pytest.mark.network
def test_what_is_alike_is_warmer_than_what_is_not(real_photos, tmp_path):
    """Strawberries are pasted beside a wrench; asked with another strawberry, their side glows."""
    folder = real_photos / "caltech40"
    strawberries, wrench = sorted((folder / "strawberry").iterdir()), sorted((folder / "wrench").iterdir())[0]
    both = Image.new("RGB", (800, 400), "white")
    both.paste(Image.open(strawberries[0]).convert("RGB").resize((400, 400)), (0, 0))
    both.paste(Image.open(wrench).convert("RGB").resize((400, 400)), (400, 0))
    both.save(tmp_path / "both.png")
    with Library.open(tmp_path / "library") as library:
        for name in ("strawberry", "wrench", "watch"):
            library.sync(folder / name)
        strawberry = next(
            hit for hit in library.search(strawberries[1]) if hit.path.samefile(strawberries[1])
        )
        drawn = shown(library.why(tmp_path / "both.png", strawberry).query)
    colour = np.ptp(drawn, axis=2)
    assert colour[:, :350].mean() > 3 * colour[:, 350:].mean()
