"""A closer look: whether two files that seem to show the same also do so in detail.

What thumbnails show is not enough. Two invoices differ in a few figures, two screenshots in their text, and
of two shots from a tripod one has somebody in it. There the windows that differ lie together, and none
of them correlates; what a poor JPEG or a brighter print changes is a little everywhere.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from PIL import Image

from simsearch.registration import Match, Overlay, is_lost, means, spreads
from simsearch.sketches import turned

SIDE = 1_600  # pixels, the longer side that a file is decoded with at least
_PIXELS = 1_150_000  # that are compared: a page of A4 at 110 dots an inch, on which figures can be read
_OF_OWN = 0.6  # of a picture's own sides: finer detail is lost in a JPEG of quality 30
_WINDOW = 20  # pixels: a few letters
_DIFFERS = 0.5  # correlation of a window
_SEEN = 10.0  # grey levels, standard deviation: with less there is only noise
_TOGETHER = 1.0  # windows, the most that may lie together; copies have up to 0.5, another figure 2.5
_BURNT = 0.01  # of the pixels: where one has lost so much more, what it has lost is no difference
_LOST = 0.1  # of a window
_STEP = 2.0  # pixels, of the first move; the place is known to about so many


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
    if min(overlay.size) < _WINDOW:  # no more can be seen than in the thumbnails
        return True
    if place[1:] != (0, 0, 1, 1):
        place = overlay.moved(place, _STEP / side)
    return _differing_together(overlay.under(place), overlay.part) <= _TOGETHER


def _differing_together(one: np.ndarray, other: np.ndarray) -> float:
    """Return how many windows, in their area, differ and lie together, where most do."""
    from scipy.ndimage import label

    one_spread, other_spread, common = spreads(one, other, _WINDOW)
    seen = np.maximum(one_spread, other_spread) > _SEEN**2
    lost, other_lost = is_lost(one), is_lost(other)
    if abs(float(lost.mean() - other_lost.mean())) > _BURNT:
        seen &= means((lost ^ other_lost).astype(np.float32), _WINDOW) < _LOST
    differ = seen & (common < _DIFFERS * np.sqrt(one_spread * other_spread))
    sizes = np.bincount(label(differ)[0].ravel())[1:]
    return float(sizes.max(initial=0)) / _WINDOW**2
