"""Contact sheets: pages of small photos, with their names and dates, to be printed or sent."""

from __future__ import annotations

import functools
import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from simsearch import pixels
from simsearch.errors import PhotoError
from simsearch.searching import Hit

COLUMNS, ROWS = 4, 5
_DPI = 200  # a thumbnail of 400 pixels is then as large as it is sharp
_PAGE = 1654, 2339  # pixels: A4
_MARGIN, _GAP = 100, 32
_LINE = 32  # from one line of text to the next
_SIZE = 23  # of letters
_INK, _PALE, _NOTHING = (20, 20, 20), (110, 110, 110), (232, 232, 232)
_QUALITY = 90

# Pillow's own font has Latin letters only. Of those that systems have, each letter is taken from the first
# that knows it: Linux, macOS and Windows in turn, then what is for one script.
_FONTS = (
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "LiberationSans-Regular.ttf",
    "Arial.ttf",
    "arial.ttf",
    "Arial Unicode.ttf",
    "segoeui.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "wqy-zenhei.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "AppleSDGothicNeo.ttc",
    "msyh.ttc",
    "malgun.ttf",
    "Nirmala.ttf",
    "NotoEmoji-Regular.ttf",
    "seguisym.ttf",
)
_NO_LETTER = "\U0010fffe"  # every font draws it as what it does not have

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def contact_sheet(photos: Sequence[Hit], thumbnail: Callable[[Hit], bytes | None]) -> bytes:
    """Return a PDF of pages of A4 with 4 x 5 photos in their order, each with its name and date.

    Letters that no font on this machine has are drawn as boxes.

    Parameters
    ----------
    thumbnail
        Returns a photo's thumbnail, or None where there is none.

    Raises
    ------
    ValueError
        When there are no photos.
    """
    if not photos:
        raise ValueError("there must be a photo")
    stream = BytesIO()
    for page in _pages(photos, thumbnail):  # one at a time: each takes 12 MB
        page.save(stream, "PDF", resolution=_DPI, quality=_QUALITY, append=bool(stream.tell()), title="")
        stream.seek(0, os.SEEK_END)
    return stream.getvalue()


def _pages(photos: Sequence[Hit], thumbnail: Callable[[Hit], bytes | None]) -> Iterator[Image.Image]:
    each = COLUMNS * ROWS
    starts = range(0, len(photos), each)
    width = (_PAGE[0] - 2 * _MARGIN + _GAP) // COLUMNS - _GAP
    height = (_PAGE[1] - 2 * _MARGIN + _GAP) // ROWS - _GAP
    for number, start in enumerate(starts, 1):
        page = Image.new("RGB", _PAGE, "white")
        for place, photo in enumerate(photos[start : start + each]):
            row, column = divmod(place, COLUMNS)
            left, top = _MARGIN + column * (width + _GAP), _MARGIN + row * (height + _GAP)
            _draw_photo(page, (left, top, width, height - 2 * _LINE), photo, thumbnail(photo))
        if len(starts) > 1:
            _write(page, _PAGE[0] // 2, _PAGE[1] - _MARGIN * 2 // 3, f"{number} / {len(starts)}", _PALE)
        yield page


def _draw_photo(page: Image.Image, box: tuple[int, int, int, int], photo: Hit, jpeg: bytes | None) -> None:
    """Draw a photo into a box (left, top, width, height), and below it its name and date."""
    left, top, width, height = box
    middle = left + width // 2
    try:
        if not jpeg:
            raise PhotoError(photo.path, "no thumbnail")
        image = pixels.decode(jpeg, photo.path, at_least=width).image
        image.thumbnail((width, height - _LINE // 2), Image.Resampling.LANCZOS)
        page.paste(image, (middle - image.width // 2, top + height - _LINE // 2 - image.height))
    except PhotoError:
        ImageDraw.Draw(page).rectangle((left, top, left + width, top + height - _LINE // 2), _NOTHING)
    _write(page, middle, top + height, _fitting(photo.path.name, width), _INK)
    if photo.taken_at:
        _write(page, middle, top + height + _LINE, f"{photo.taken_at:%Y-%m-%d  %H:%M}", _PALE)


class _Run(NamedTuple):
    """Letters that one font has."""

    text: str
    font: _Font


def _write(page: Image.Image, middle: int, top: int, text: str, ink: tuple[int, int, int]) -> None:
    """Write a line of text around a place."""
    runs = _runs(text)
    draw = ImageDraw.Draw(page)
    x = middle - sum(font.getlength(run) for run, font in runs) / 2
    for run, font in runs:
        # On one base line; Pillow's font without FreeType has none.
        anchor = "ls" if isinstance(font, ImageFont.FreeTypeFont) else None
        draw.text((x, top + (_SIZE if anchor else 0)), run, ink, font, anchor)
        x += font.getlength(run)


def _fitting(name: str, width: int) -> str:
    """Return a name, without its middle where it is too long for a line."""
    text = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in name)[:255]
    kept = len(text)
    shown = text
    while _length(shown) > width and kept > 1:
        kept -= 1
        shown = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return shown


def _length(text: str) -> float:
    return sum(font.getlength(run) for run, font in _runs(text))


def _runs(text: str) -> list[_Run]:
    """Part a text so that each part has the first font that knows its letters."""
    runs: list[_Run] = []
    for char in text:
        joined = unicodedata.category(char)[0] == "M"  # an accent is drawn with what it stands on
        font = runs[-1].font if joined and runs else _font_of(char)
        if runs and runs[-1].font is font:
            runs[-1] = _Run(runs[-1].text + char, font)
        else:
            runs.append(_Run(char, font))
    return runs


@functools.lru_cache(maxsize=4_096)
def _font_of(char: str) -> _Font:
    return next((font for font in _fonts() if char == " " or _has(font, char)), _fonts()[0])


def _has(font: _Font, char: str) -> bool:
    return bytes(font.getmask(char)) != bytes(font.getmask(_NO_LETTER))


@functools.cache
def _fonts() -> list[_Font]:
    """Return the fonts that are there, and Pillow's own."""
    found: list[_Font] = []
    for name in _FONTS:
        try:
            found.append(ImageFont.truetype(name, _SIZE))
        except OSError:
            continue
    return [*found, ImageFont.load_default(_SIZE)]
