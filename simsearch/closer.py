"""A closer look: whether two files that seem to show the same also do so in detail.

What thumbnails show is not enough. Two invoices differ in a few figures, two screenshots in their text, and
of two shots from a tripod one has somebody in it. There the windows that differ lie together, and none
of them correlates; what a poor JPEG or a brighter print changes is a little everywhere. Of others grey levels
tell nothing at all: a mug in its place may be red or blue, see :mod:`simsearch.hues`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import sqrt
from pathlib import Path

import numpy as np
from PIL import Image

from simsearch import hues, pixels
from simsearch.errors import PhotoError
from simsearch.registration import Match, Overlay, is_lost, means, spreads
from simsearch.sketches import Place, turned

_SIDE = 1_600  # pixels, the longer side that a file is decoded with at least
OPENED = 6  # files that are kept decoded: 3 MB each
_PIXELS = 1_150_000  # that are compared: a page of A4 at 110 dots an inch, on which figures can be read
_OF_OWN = 0.6  # of a picture's own sides: finer detail is lost in a JPEG of quality 30
_DIFFERS = 0.5  # correlation of a window
_SMALLEST = 20  # pixels, the shorter side of what is compared; of less thumbnails tell as much
_BURNT = 0.01  # of the pixels: where one has lost so much more, what it has lost is no difference
_LOST = 0.1  # of a window
_GRAINS = (
    # Windows of so many pixels, in which there is something to see from so many grey levels (standard
    # deviation) on; and the most that differ and lie together, in their area. Of 150 photos, recompressed
    # and brightened, the most are 0.56 and 0.73; of a page with other figures 0.95 and more, or 3.8; with one
    # other digit 0.98 of the small ones.
    (20, 10.0, 0.7),
    (8, 16.0, 0.85),
)
_COLOUR_SIDE = 800  # pixels, the longer side that a file's colours are kept with
_COLOURS = 400  # pixels a side, of a square as large as what is compared by them
_COLOURS_OF_OWN = 0.3  # of a picture's own sides: JPEG keeps them with half of these
_STEP = 2.0  # pixels, of the first move; the place is known to about so many


class Look:
    """A file as it is looked at closely: its grey levels, and its colours in less detail.

    Parameters
    ----------
    image
        Decoded from the file, upright.
    """

    def __init__(self, image: Image.Image) -> None:
        self.grey = image.convert("L")
        colours = image.convert("RGB")
        self._colours = pixels.fit(colours, _COLOUR_SIDE) if max(image.size) > _COLOUR_SIDE else colours

    @property
    def pixels(self) -> int:
        """How many there are."""
        return self.grey.width * self.grey.height

    def laid_under(self, part: Look, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """Return the colours of what is under a part and of the part, (height, width, 3) float32 each."""
        covered = place.width * place.height * self.pixels
        side = min(_COLOURS, _COLOURS_OF_OWN * sqrt(min(covered, part.pixels)))
        overlay = Overlay(self._colours, _turned(part._colours, place.turn), place, side)
        return overlay.under(place), overlay.part


class Closer:
    """Looks at files closely, whatever they are called by; the last few are kept decoded.

    Parameters
    ----------
    source
        Tells a file's path, or None where it is not there just now.
    """

    def __init__(self, source: Callable[[int], Path | None]) -> None:
        self._source = source
        self._opened = lru_cache(OPENED)(self._open)

    def shows_same(self, whole: int, part: int, match: Match) -> bool | None:
        """Return whether two files show the same in detail; None where one of them cannot be read."""
        around, within = self._opened(whole), self._opened(part)
        return same_in_detail(around, within, match) if around and within else None

    def _open(self, number: int) -> Look | None:
        path = self._source(number)
        try:
            if path is not None:
                source, name = pixels.take(path)
                return Look(pixels.decode(source, name, at_least=_SIDE).image)
        except PhotoError:  # the next run of indexing names it
            pass
        return None


def same_in_detail(whole: Look, part: Look, match: Match) -> bool:
    """Return whether a picture shows what another does, or a part of it, in every detail that can be seen.

    Parameters
    ----------
    whole, part
        What is compared.
    match
        How the part lies in the whole, as thumbnails tell.
    """
    grey, place = _turned(part.grey, match.place.turn), match.place
    covered = place.width * place.height * whole.pixels
    side = sqrt(min(_PIXELS, _OF_OWN**2 * covered, _OF_OWN**2 * part.pixels))
    overlay = Overlay(whole.grey, grey, place, side)
    seen = min(overlay.size) >= _SMALLEST  # of less, thumbnails tell as much
    if seen and place[1:] != (0, 0, 1, 1):
        place = overlay.moved(place, _STEP / side)
    laid = overlay.under(place), overlay.part
    if seen and any(_differing_together(*laid, window, from_) > most for window, from_, most in _GRAINS):
        return False
    return hues.same_but_for_an_edit(*whole.laid_under(part, place))


def _turned(image: Image.Image, turn: int) -> Image.Image:
    """Return an image turned as by :func:`simsearch.sketches.turned`."""
    bands = [Image.fromarray(np.ascontiguousarray(turned(np.asarray(band), turn))) for band in image.split()]
    return Image.merge(image.mode, bands)


def _differing_together(one: np.ndarray, other: np.ndarray, window: int, seen_from: float) -> float:
    """Return how many windows, in their area, differ and lie together, where most do."""
    from scipy.ndimage import label

    one_spread, other_spread, common = spreads(one, other, window)
    seen = np.maximum(one_spread, other_spread) > seen_from**2
    lost, other_lost = is_lost(one), is_lost(other)
    if abs(float(lost.mean() - other_lost.mean())) > _BURNT:
        seen &= means((lost ^ other_lost).astype(np.float32), window) < _LOST
    differ = seen & (common < _DIFFERS * np.sqrt(one_spread * other_spread))
    sizes = np.bincount(label(differ)[0].ravel())[1:]
    return float(sizes.max(initial=0)) / window**2
