"""What only a closer look tells: figures on a page, or somebody who walked into the picture."""

import os
import sqlite3

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from simsearch import Library
from simsearch.closer import Closer, Look, same_in_detail
from simsearch.distortions import DISTORTIONS
from simsearch.registration import Match
from simsearch.sketches import Place
from tests.textures import save, texture
from tests.toy import ToyEncoder

WHOLE = Match(Place(0, 0.0, 0.0, 1.0, 1.0), 1.0, False, False)


def same(whole, part, match=WHOLE):
    return same_in_detail(Look(whole), Look(part), match)


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
    assert same(picture, DISTORTIONS[name](picture))


@pytest.mark.parametrize(
    "other", [page(311.5, 48.0), page(977.25, 63.1)], ids=["one other digit", "other figures"]
)
def test_another_page_is_not(other):
    first = page(311.5, 42.0)
    assert same(first, first.copy())
    assert not same(first, other)


@pytest.mark.parametrize("share", [0.005, 0.01, 0.03, 0.1])
def test_a_shot_with_somebody_in_it_is_not(share):
    assert not same(SCENE, with_somebody(SCENE, share))
    assert not same(with_somebody(SCENE, share), SCENE)


def test_a_part_is_found_again_to_the_pixel():
    box = (200, 150, 1040, 780)
    part = SCENE.crop(box)
    about = Match(Place(0, 0.171, 0.162, 0.703, 0.703), 1.0, False, False)
    assert same(SCENE, part, about)
    assert not same(SCENE, with_somebody(part, 0.02), about)


def test_it_may_lie_turned():
    assert same(SCENE, ImageOps.mirror(SCENE), WHOLE._replace(place=WHOLE.place._replace(turn=1)))
    assert not same(SCENE, ImageOps.mirror(SCENE))


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (4000, 3), (30, 12)])
def test_of_a_tiny_picture_there_is_nothing_more_to_see(size):
    assert same(Image.new("RGB", size), Image.new("RGB", size))


# Four colours of one brightness: in grey levels none can be told from another.
RED, BLUE, GREEN, OCHRE = (160, 47, 47), (25, 85, 198), (30, 115, 40), (128, 72, 5)


def mug(colour):
    image = SCENE.copy()
    ImageDraw.Draw(image).rounded_rectangle((400, 300, 700, 650), 40, colour)
    return image


def lamps(third):
    """A page of green lamps, but for one."""
    image = page()
    for number in range(6):
        box = (900, 150 + 200 * number, 930, 180 + 200 * number)
        ImageDraw.Draw(image).ellipse(box, third if number == 2 else GREEN)
    return image


def chart(first, second, width=3):
    image = Image.new("RGB", (1000, 700), "white")
    draw = ImageDraw.Draw(image)
    draw.line([(50, 0), (50, 650), (1000, 650)], "black", 3)
    draw.line([(50 + 30 * x, 300 + 200 * (x % 3 - 1)) for x in range(30)], first, width)
    draw.line([(50, 600), (950, 200)], second, width)
    return image


def pie(*colours):
    image = Image.new("RGB", (800, 800), "white")
    for number, colour in enumerate(colours):
        ImageDraw.Draw(image).pieslice((100, 100, 700, 700), 90 * number, 90 * number + 90, colour, "black")
    return image


def swapped(*channels):
    """A scene of which a part has its channels in another order, and is as bright as it was."""
    part = SCENE.crop((500, 200, 900, 600))
    luma = part.convert("YCbCr").split()
    mixed = Image.merge("YCbCr", [luma[channel] for channel in (0, *channels)])
    image = SCENE.copy()
    image.paste(mixed.convert("RGB"), (500, 200))
    return image


RECOLOURED = {
    "mug": (mug(RED), mug(BLUE)),
    "another mug": (mug(OCHRE), mug(GREEN)),
    "lamp": (lamps(GREEN), lamps(RED)),
    "chart": (chart(RED, BLUE), chart(BLUE, RED)),
    "another chart": (chart(OCHRE, GREEN, 4), chart(GREEN, OCHRE, 4)),
    "pie": (pie(RED, BLUE, GREEN, OCHRE), pie(BLUE, RED, GREEN, OCHRE)),
    "part": (SCENE, swapped(2, 1)),
}


@pytest.mark.parametrize(("one", "other"), RECOLOURED.values(), ids=RECOLOURED)
def test_what_has_another_colour_is_not(one, other):
    assert not same(one, other) and not same(other, one)


@pytest.mark.parametrize("kind", ["mug", "another mug", "lamp", "pie"])
@pytest.mark.parametrize("name", ["recompressed", "brighter", "darker", "quarter size"])
def test_what_was_done_to_all_of_it_does_not_hide_another_colour(kind, name):
    one, other = RECOLOURED[kind]
    assert not same(one, DISTORTIONS[name](other))


def mixed(*rows):
    return lambda image: image.convert("RGB", [share for row in rows for share in (*row, 0)])


EDITS = {
    "sepia": mixed((0.39, 0.77, 0.19), (0.35, 0.69, 0.17), (0.27, 0.53, 0.13)),
    "warm": mixed((1.15, 0, 0), (0, 1, 0), (0, 0, 0.85)),
    "cool": mixed((0.85, 0, 0), (0, 1, 0), (0, 0, 1.15)),
    "saturated": lambda image: ImageEnhance.Color(image).enhance(1.6),
    "faded": lambda image: ImageEnhance.Color(image).enhance(0.4),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.4),
    "poor and small": lambda image: DISTORTIONS["recompressed"](DISTORTIONS["quarter size"](image)),
    **{name: DISTORTIONS[name] for name in COPIES},
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("kind", ["mug", "chart", "part"])
def test_what_has_all_colours_edited_is(kind, number, name):
    picture = RECOLOURED[kind][number]
    assert same(picture, EDITS[name](picture)) and same(EDITS[name](picture), picture)


def test_colours_are_compared_where_a_part_lies():
    part = mug(RED).crop((200, 150, 1040, 780))
    about = Match(Place(0, 0.171, 0.162, 0.703, 0.703), 1.0, False, False)
    turned = about._replace(place=about.place._replace(turn=2))
    assert same(mug(RED), part, about) and same(mug(RED), ImageOps.flip(part), turned)
    assert not same(mug(BLUE), part, about) and not same(mug(BLUE), ImageOps.flip(part), turned)


@pytest.mark.parametrize("side", [64, 200])
def test_an_icon_of_another_colour_is_not(side):
    one, other = (pie(*[colour] * 4).resize((side, side)) for colour in (RED, BLUE))
    assert same(one, one.copy()) and not same(one, other)


def test_what_cannot_be_read_is_not_known(tmp_path):
    files = {1: save(texture(1), tmp_path / "1.png"), 2: tmp_path / "none.png", 3: tmp_path / "broken.png"}
    files[3].write_bytes(b"this is text")
    closer = Closer(files.get)
    assert closer.shows_same(1, 1, WHOLE) is True
    assert [closer.shows_same(1, other, WHOLE) for other in (2, 3, 4)] == [None] * 3


@pytest.fixture
def shots(tmp_path, album):
    """A library to come, of two pages, two charts, two shots from a tripod, and of one saved again."""
    save(page(311.5, 42.0), album / "march.png")
    save(page(977.25, 63.1), album / "april.png")
    save(chart(RED, BLUE), album / "week.png")
    save(chart(OCHRE, GREEN), album / "other week.png")
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


def test_what_was_looked_at_less_closely_is_looked_at_once_more(tmp_path, shots):
    """As in a library whose pairs were found before colours were compared."""
    with Library.open(tmp_path / "library", encoder=ToyEncoder()) as library:
        library.sync(shots, workers=1)
        found = groups(library)
        with sqlite3.connect(tmp_path / "library" / "library.db") as db:
            db.execute("UPDATE pairs SET agreement = 1, checked = 1")
        assert groups(library) == found
        db.close()


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
        save(chart(BLUE, RED), card / "chart.png")
        told = {file.path.name: file.verdict for file in library.known(card, workers=1).files}
        assert told == {"may.png": "new", "again.jpg": "new", "known.jpg": "re-saved", "chart.png": "new"}


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
