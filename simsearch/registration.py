"""Whether two photos are the same picture: one is laid over the other, and they are compared part by part.

Two shots of a burst are alike as a whole, and differ where something moved; a copy that was saved poorly,
brightened or scaled down is the same in every part. So it is asked in how many small windows the two
correlate, as structural similarity does (Z. Wang et al., "Image quality assessment: from error visibility to
structural similarity", 2004), and only where there is something to see, and nothing burnt out.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple, TypedDict

import numpy as np
from PIL import Image

from simsearch.sketches import Place, back, decoded, summed, turned, window_sums

_SIDES = (28, 87)  # pixels, of a square as large as what is compared; of the whole, twice as much is kept
_FEWEST = 8  # pixels a side; of less there is nothing to tell
_WINDOWS = 10  # along the shorter side
_SMALLEST = 6  # pixels of a window
_TEXTURE = 0.1  # of the whole's contrast: what has less is sky or a wall, where only noise correlates
_NOISE = 2.0  # grey levels, of a JPEG
_DARK, _BRIGHT = 5, 250  # beyond these detail may be lost in one of the two, which is no difference
_LOST = 0.1  # of a window
_AGREES = 0.7  # correlation of a window; poor JPEGs of photos reach 0.75 in 19 of 20
_SAME = 0.8  # of the windows: of 500 shots of like things none agrees in so many, of copies 98 in 100
_SAME_PART = 0.85  # of a part's windows: it could move until it fits, as outlines of like things do
_ALIKE = 0.75  # correlation of the whole
_NEARLY_SAME, _ALL_BUT_ALIKE = 0.7, 0.99  # will do as well: fine cloth is lost in a poor JPEG
_WORTH_MOVING = 0.35  # correlation of a part where it was found in a sketch, below which no shift helps
_TRIMMED = 0.85  # the same of a whole, of which an edge was cut off
_FIRST_STEP = 20  # of the part's width: a sketch tells a place to a 32nd
_FINEST = 0.2  # pixels, of what is compared
_WHOLE = 0.97  # of both sides; less is missing by rounding
_TONE = 10.0  # grey levels, mean difference: what JPEG changes is 1 to 3
_COLOUR = 6.0
_FILTER = Image.Resampling.BILINEAR  # for both: with another, as much white is left of another page
_TONES = 16  # pixels a side, of what is compared by its colours
_ALL = Place(0, 0.0, 0.0, 1.0, 1.0)


class Edits(TypedDict):
    """Whether one of two versions was edited, and what share more of the first is burnt out."""

    edited: bool
    burnt: float


class Match(NamedTuple):
    """How a picture lies in another of which it is a copy, or a part.

    Attributes
    ----------
    place
        Where.
    agreement
        The share, 0 to 1, of the windows that agree.
    tone, colour
        Whether its brightness or contrast, and its colours, were changed.
    burnt
        What more of it is burnt out, black or white without detail, than of the other: a share, below 0
        where it is the other way round.
    """

    place: Place
    agreement: float
    tone: bool
    colour: bool
    burnt: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether nothing was cut off."""
        return min(self.place.width, self.place.height) >= _WHOLE

    @property
    def is_edited(self) -> bool:
        """Whether one of the two was turned, or has other tones."""
        return self.tone or self.colour or self.place.turn > 0

    @property
    def of_the_whole(self) -> Edits:
        """How the whole compares as a version; see :func:`simsearch.versions.advantage`."""
        return {"edited": self.is_edited, "burnt": -self.burnt if self.tone else 0.0}

    def reversed(self) -> Match:
        """Return how the other lies on this one, where nothing was cut off."""
        return self._replace(place=self.place._replace(turn=back(self.place.turn)), burnt=-self.burnt)


class View:
    """A thumbnail as it is compared: grey, and small.

    Parameters
    ----------
    thumbnail
        A JPEG.

    Raises
    ------
    OSError
        When it is damaged.
    """

    def __init__(self, thumbnail: bytes) -> None:
        self._thumbnail = thumbnail
        grey = decoded(thumbnail, "L", 2 * _SIDES[-1])
        self._greys = [_shrunk(grey, 2 * side) for side in _SIDES]

    def greys(self, turn: int = 0) -> list[Image.Image]:
        """Return it in two sizes, the smaller first, turned as by :func:`simsearch.sketches.turned`."""
        if not turn:
            return self._greys
        return [Image.fromarray(np.ascontiguousarray(turned(np.asarray(grey), turn))) for grey in self._greys]

    def tones(self, place: Place) -> np.ndarray:
        """Return what is at a place by brightness and the two colours, upright, (16, 16, 3) float32.

        So coarse that what was blurred or saved poorly does not differ.
        """
        image = decoded(self._thumbnail, "YCbCr", 8 * _TONES)
        box = _box(place, image.size)
        return np.asarray(image.resize((_TONES, _TONES), Image.Resampling.BOX, box), dtype=np.float32)


def match(whole: View, part: View, start: Place) -> Match | None:
    """Return how a picture lies in another, or None where it is not the same, nor a part of it.

    It is looked at in the small first, where it is cheap to move, and few get any further.

    Parameters
    ----------
    start
        Where it is supposed to lie, about.
    """
    place, worth_moving = start, _TRIMMED if start[1:] == (0, 0, 1, 1) else _WORTH_MOVING
    for side, around, within in zip(_SIDES, whole.greys(), part.greys(start.turn), strict=True):
        overlay = Overlay(around, within, place, side)
        if min(overlay.size) < _FEWEST or overlay.correlation(place) < worth_moving:
            return None
        if not overlay.shows_same(place):
            place, worth_moving = overlay.moved(place, place.width / _FIRST_STEP), _ALIKE
    if not overlay.shows_same(place):
        return None
    if start[1:] != _ALL[1:]:  # where a part was found in a sketch is known to a few hundredths
        finer = overlay.moved(place, place.width / _FIRST_STEP)
        place = finer if overlay.shows_same(finer) else place
    found = Match(place, overlay.agreement(place), *_edits(whole, part, place), overlay.burnt(place))
    return found if found.is_whole or found.agreement >= _SAME_PART else None


class Overlay:
    """A grey picture over another, to be moved and compared.

    Parameters
    ----------
    whole, part
        Grey; the part is turned as it lies.
    start
        Where it lies, about.
    side
        Pixels a side, of a square as large as what is compared; less where there is less of one.
    """

    def __init__(self, whole: Image.Image, part: Image.Image, start: Place, side: float) -> None:
        self._whole = whole
        self._finest = _FINEST / side
        # In shares of the whole, as it is upright: what the part keeps when it grows.
        self._ratio = part.height / part.width * whole.width / whole.height
        sides = np.minimum(part.size, (start.width * whole.width, start.height * whole.height))
        scale = min(side / sqrt(part.width * part.height), *(sides / part.size))
        width, height = (max(1, round(side * scale)) for side in part.size)
        self.size = width, height
        self.part = np.asarray(part.resize(self.size, _FILTER), dtype=np.float32)

    def under(self, place: Place) -> np.ndarray:
        """Return what of the whole is under the part."""
        under = self._whole.resize(self.size, _FILTER, _box(place, self._whole.size))
        return np.asarray(under, dtype=np.float32)

    def correlation(self, place: Place) -> float:
        """Return how well the two fit, from -1 to 1."""
        one, other = self.under(place), self.part
        one, other = one - one.mean(), other - other.mean()
        lengths = max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-3)
        return float((one * other).sum()) / lengths

    def shows_same(self, place: Place) -> bool:
        """Whether the two show the same, as far as can be seen at this size."""
        agreement, correlation = self.agreement(place), self.correlation(place)
        return (agreement >= _SAME and correlation >= _ALIKE) or (
            agreement >= _NEARLY_SAME and correlation >= _ALL_BUT_ALIKE
        )

    def burnt(self, place: Place) -> float:
        """Return of how many pixels more the part has lost the detail, as a share."""
        part, whole = (is_lost(levels).mean() for levels in (self.part, self.under(place)))
        return float(part - whole)

    def moved(self, place: Place, step: float) -> Place:
        """Return where the part fits best, near to a place: it is shifted and scaled by less and less.

        Parameters
        ----------
        step
            How far at first, as a share of the whole's width.
        """
        place = self._in_proportion(place)
        best = self.correlation(place)
        while step > self._finest:
            better = False
            for x, y, grow in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (-0.5, -0.5, 1), (0.5, 0.5, -1)):
                width = place.width + grow * step
                tried = Place(
                    place.turn,
                    place.x + x * step,
                    place.y + y * step * self._ratio,
                    width,
                    width * self._ratio,
                )
                if _is_inside(tried) and (fit := self.correlation(tried)) > best:
                    best, place, better = fit, tried, True
            step = step if better else step / 2
        return place

    def _in_proportion(self, place: Place) -> Place:
        """Return a place about the same middle, as wide and high as the part is, and inside."""
        width = min(place.width, 1 / self._ratio)
        height = width * self._ratio
        x = place.x + (place.width - width) / 2
        y = place.y + (place.height - height) / 2
        return Place(place.turn, min(max(x, 0.0), 1 - width), min(max(y, 0.0), 1 - height), width, height)

    def agreement(self, place: Place) -> float:
        """Return the share of windows that agree; 0 where there is nothing to see in any."""
        one, other = self.under(place), self.part
        side = max(_SMALLEST, min(one.shape) // _WINDOWS)
        lost = is_lost(one) | is_lost(other)
        one_spread, other_spread, common = spreads(one, other, side)
        seen = np.zeros(common.shape, dtype=bool)
        for spread, picture in ((one_spread, one), (other_spread, other)):
            seen |= spread > (_TEXTURE * float(picture.std())) ** 2 + _NOISE**2
        kept = seen & (means(lost.astype(np.float32), side) < _LOST)
        if kept.sum() < seen.sum() / 4:  # drawings are black and white all over
            kept = seen
        if not kept.any():
            return 0.0
        agree = common[kept] >= _AGREES * np.sqrt(one_spread[kept] * other_spread[kept])
        return float(agree.mean())


def is_lost(levels: np.ndarray) -> np.ndarray:
    """Return which grey levels are so dark or bright that detail may be lost."""
    lost: np.ndarray = (levels > _BRIGHT) | (levels < _DARK)
    return lost


def _shrunk(image: Image.Image, side: int) -> Image.Image:
    """Return an image of no more pixels than a square: what is resized over and over is to be small."""
    scale = side / sqrt(image.width * image.height)
    if scale >= 1:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BOX)


def _is_inside(place: Place) -> bool:
    edge = 0.005  # a pixel of what is decoded
    return (
        min(place.x, place.y) >= -edge
        and max(place.x + place.width, place.y + place.height) <= 1 + edge
        and place.width > 0
    )


def _edits(whole: View, part: View, place: Place) -> tuple[bool, bool]:
    """Return whether brightness or contrast, and whether colours differ where a part lies."""
    levels = part.tones(_ALL)
    laid = np.stack([turned(levels[..., channel], place.turn) for channel in range(3)], axis=-1)
    differences = np.abs(whole.tones(place) - laid).mean(axis=(0, 1))
    return bool(differences[0] > _TONE), bool(differences[1:].max() > _COLOUR)


def _box(place: Place, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return a place in an image of a size as Pillow wants it: left, top, right, bottom."""
    left, top = (max(edge, 0.0) * side for edge, side in zip(place[1:3], size, strict=True))
    right, bottom = min(place.x + place.width, 1.0), min(place.y + place.height, 1.0)
    return left, top, right * size[0], bottom * size[1]


def spreads(one: np.ndarray, other: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the variances of two pictures in all windows of a side, and their covariances."""
    one_mean, other_mean = means(one, side), means(other, side)
    return (
        np.maximum(means(one**2, side) - one_mean**2, 0),
        np.maximum(means(other**2, side) - other_mean**2, 0),
        means(one * other, side) - one_mean * other_mean,
    )


def means(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return the means of all windows of a side."""
    return window_sums(summed(pixels), side, side) / side**2
