"""A closer look: whether two files that seem to show the same also do so in detail.

What thumbnails show is not enough. Two invoices differ in a few figures, two screenshots in their text, and
of two shots from a tripod one has somebody in it. There the windows that differ lie together, and none
of them correlates; what a poor JPEG or a brighter print changes is a little everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import sqrt
from pathlib import Path

import numpy as np
from PIL import Image

from simsearch import pixels
from simsearch.errors import PhotoError
from simsearch.registration import Match, Overlay, is_lost, means, spreads
from simsearch.sketches import turned

_SIDE = 1_600  # pixels, the longer side that a file is decoded with at least
_OPENED = 6  # files that are kept decoded: 2 MB each
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
_STEP = 2.0  # pixels, of the first move; the place is known to about so many


class Closer:
    """Looks at files closely, whatever they are called by; the last few are kept decoded.

    Parameters
    ----------
    source
        Tells a file's path, or None where it is not there just now.
    """

    def __init__(self, source: Callable[[int], Path | None]) -> None:
        self._source = source
        self._opened = lru_cache(_OPENED)(self._open)

    def shows_same(self, whole: int, part: int, match: Match) -> bool | None:
        """Return whether two files show the same in detail; None where one of them cannot be read."""
        around, within = self._opened(whole), self._opened(part)
        return same_in_detail(around, within, match) if around and within else None

    def _open(self, number: int) -> Image.Image | None:
        path = self._source(number)
        try:
            if path is not None:
                source, name = pixels.take(path)
                return pixels.decode(source, name, at_least=_SIDE).image.convert("L")
        except PhotoError:  # the next run of indexing names it
            pass
        return None


def same_in_detail(whole: Image.Image, part: Image.Image, match: Match) -> bool:
    """Return whether a picture shows what another does, or a part of it, in every detail that can be seen.

    Parameters
    ----------
    whole, part
        Decoded from their files, upright.
    match
        How the part lies in the whole, as thumbnails tell.
    """
    grey = Image.fromarray(np.ascontiguousarray(turned(np.asarray(part.convert("L")), match.place.turn)))
    around, place = whole.convert("L"), match.place
    covered = place.width * place.height * around.width * around.height
    side = sqrt(min(_PIXELS, _OF_OWN**2 * covered, _OF_OWN**2 * grey.width * grey.height))
    overlay = Overlay(around, grey, place, side)
    if min(overlay.size) < _SMALLEST:  # no more can be seen than in the thumbnails
        return True
    if place[1:] != (0, 0, 1, 1):
        place = overlay.moved(place, _STEP / side)
    laid = overlay.under(place), overlay.part
    return all(_differing_together(*laid, window, seen) <= most for window, seen, most in _GRAINS)


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
