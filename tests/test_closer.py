"""What only a closer look tells: figures on a page, or somebody who walked into the picture."""

import os

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from simsearch import Library
from simsearch.closer import Closer, same_in_detail
from simsearch.distortions import DISTORTIONS
from simsearch.registration import Match
from simsearch.sketches import Place
from tests.textures import save, texture
from tests.toy import ToyEncoder

WHOLE = Match(Place(0, 0.0, 0.0, 1.0, 1.0), 1.0, False, False)


def page(*figures):
    """A page of a letter, all but its figures the same."""
    image = Image.new("RGB", (1240, 1754), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(26)
    for line in range(36):
        draw.text((120, 150 + 40 * line), f"Item {line}: delivered as agreed, carriage paid", "black", font)
    for number, figure in enumerate(figures):
        draw.text((900, 150 + 40 * (5 + 9 * number)), f"{figure:,.2f} EUR", "black", font)
    return image


def with_somebody(image, share):
    """The picture after somebody walked in, who takes up a share of it."""
    width, height = (round(side * share**0.5) for side in image.size)
    walked = image.copy()
    walked.paste(texture(99, (width, height)), (image.width // 3, image.height // 4))
    return walked


SCENE = Image.blend(texture(5, (300, 225)).resize((1200, 900)), texture(6, (1200, 900)), 0.3)
COPIES = ["recompressed", "quarter size", "brighter", "darker", "grey"]


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize(
    "picture", [SCENE, page(311.5, 42.0), texture(7, (300, 200))], ids=["scene", "page", "small"]
)
def test_a_copy_is_the_same_in_detail(picture, name):
    assert same_in_detail(picture, DISTORTIONS[name](picture), WHOLE)


@pytest.mark.parametrize(
    "other", [page(311.5, 48.0), page(977.25, 63.1)], ids=["one other digit", "other figures"]
)
def test_another_page_is_not(other):
    first = page(311.5, 42.0)
    assert same_in_detail(first, first.copy(), WHOLE)
    assert not same_in_detail(first, other, WHOLE)


@pytest.mark.parametrize("share", [0.005, 0.01, 0.03, 0.1])
def test_a_shot_with_somebody_in_it_is_not(share):
    assert not same_in_detail(SCENE, with_somebody(SCENE, share), WHOLE)
    assert not same_in_detail(with_somebody(SCENE, share), SCENE, WHOLE)


def test_a_part_is_found_again_to_the_pixel():
    box = (200, 150, 1040, 780)
    part = SCENE.crop(box)
    about = Match(Place(0, 0.171, 0.162, 0.703, 0.703), 1.0, False, False)
    assert same_in_detail(SCENE, part, about)
    assert not same_in_detail(SCENE, with_somebody(part, 0.02), about)


def test_it_may_lie_turned():
    assert same_in_detail(SCENE, ImageOps.mirror(SCENE), WHOLE._replace(place=WHOLE.place._replace(turn=1)))
    assert not same_in_detail(SCENE, ImageOps.mirror(SCENE), WHOLE)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (4000, 3), (30, 12)])
def test_of_a_tiny_picture_there_is_nothing_more_to_see(size):
    assert same_in_detail(Image.new("RGB", size), Image.new("RGB", size), WHOLE)


def test_what_cannot_be_read_is_not_known(tmp_path):
    files = {1: save(texture(1), tmp_path / "1.png"), 2: tmp_path / "none.png", 3: tmp_path / "broken.png"}
    files[3].write_bytes(b"this is text")
    closer = Closer(files.get)
    assert closer.shows_same(1, 1, WHOLE) is True
    assert [closer.shows_same(1, other, WHOLE) for other in (2, 3, 4)] == [None] * 3


@pytest.fixture
def shots(tmp_path, album):
    """A library to come, of two pages, of two shots from a tripod, and of one saved again."""
    save(page(311.5, 42.0), album / "march.png")
    save(page(977.25, 63.1), album / "april.png")
    save(SCENE, album / "empty.jpg", quality=92)
    save(with_somebody(SCENE, 0.03), album / "somebody.jpg", quality=92)
    save(ImageEnhance.Brightness(SCENE).enhance(1.0).resize((600, 450)), album / "smaller.jpg", quality=80)
    return album


def groups(library):
    return [
        (group.best.path.name, *((copy.photo.path.name, copy.checked) for copy in group.copies))
        for group in library.groups.copies()
    ]


def test_what_only_thumbnails_take_for_the_same_is_no_copy(tmp_path, shots):
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        library.sync(shots, workers=1)
        assert groups(library) == [("empty.jpg", ("smaller.jpg", True))]


def test_files_that_are_away_are_looked_at_when_they_are_back(tmp_path, shots):
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        library.sync(shots, workers=1)
        os.rename(shots, tmp_path / "away")
        looks_the_same = groups(library)
        assert {name for group in looks_the_same for name, *_ in group[1:]} >= {"smaller.jpg"}
        assert not any(checked for group in looks_the_same for _, checked in group[1:])
        os.rename(tmp_path / "away", shots)
        assert groups(library) == [("empty.jpg", ("smaller.jpg", True))]


def test_a_card_has_the_pages_and_the_shots_that_are_new(tmp_path, shots):
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        library.sync(shots, workers=1)
        card = tmp_path / "card"
        save(page(5.0, 9_812.0), card / "may.png")
        save(
            with_somebody(SCENE, 0.02).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
            card / "again.jpg",
            quality=92,
        )
        save(SCENE.resize((800, 600)), card / "known.jpg", quality=85)
        told = {file.path.name: file.verdict for file in library.known(card, workers=1).files}
        assert told == {"may.png": "new", "again.jpg": "new", "known.jpg": "re-saved"}


def shoot(path, at, offset=None, part=None, quality=95):
    """Save the same picture as a shot of one camera."""
    exif = Image.Exif()
    exif[0x0110] = "Box 3"
    exif.get_ifd(0x8769)[0x9003] = f"2023:05:01 {at}"
    if offset:
        exif.get_ifd(0x8769)[0x9011] = offset
    if part:
        exif.get_ifd(0x8769)[0x9291] = part
    return save(texture(3), path, quality=quality, exif=exif)


@pytest.mark.parametrize(
    ("at", "offset", "part", "count"),
    [
        ("18:30:00", None, "250", 1),
        ("18:30:00", "+02:00", "250", 1),
        ("18:30:01", None, "250", 0),
        ("20:30:00", "+02:00", "250", 0),
        ("18:30:00", None, None, 1),
        ("18:30:00", None, "5", 0),
    ],
)
def test_two_shots_of_one_camera_are_never_copies(tmp_path, album, at, offset, part, count):
    """Its own clock tells: who saves a photo again may lose the offset, and the part of a second."""
    shoot(album / "one.jpg", "18:30:00", part="25")
    shoot(album / "other.jpg", at, offset, part, quality=60)
    card = shoot(tmp_path / "card" / "again.jpg", at, offset, part, quality=40)
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        library.sync(album, workers=1)
        assert len(library.groups.copies()) == count
        bursts = library.groups.bursts(minutes=180)
        assert [len(burst.photos) for burst in bursts] == [2] * (1 - count)
        (album / "other.jpg").unlink()
        library.sync(album, workers=1)
        verdict = library.known(card.parent, workers=1).files[0].verdict
        assert (verdict == "re-saved") == (count == 1)
