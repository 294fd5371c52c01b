"""Whether two pictures that show the same have the same colours, but for what was done to the whole of one.

A copy in grey or sepia, of more saturation or another white balance was edited by one rule everywhere: each
colour is mixed with its own brightness, and then each channel is given a gain and an offset that
are much the same for all three. None makes red of blue, or swaps the two. So where a mug, a lamp or a line
of a chart has another hue, something is left that lies together.
"""

from __future__ import annotations

import numpy as np

from simsearch.registration import means

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # as in JPEG
_SATURATIONS = np.linspace(0, 2.5, 11)  # times as much, from grey on
_GAIN = 4.0  # times, at most
_BALANCE = 1.5  # times the mean gain, of a channel; sepia has 0.73 of it for blue
_TINT = 25.0  # levels from the mean offset, of a channel
_BURNT = 5.0  # levels from black and white, within which a channel may have been cut off
_FEWEST = 9  # pixels, to fit a rule to
_WINDOW = 8  # pixels: 27 of a file's own, as the blocks in which a poor JPEG keeps colours have 16
_SHADE = 1.35  # times as bright a corner may be by itself, as by a vignette
# Levels of colour in a window that are another hue. Of 76 photos of JPEG quality 30 the most are 3.8. An edit
# leaves more, the more it changed, above all where it cut off a channel that stood for a part of the hue: a
# photo brightened by half up to 25.
_HUE = 6.0
_OF_BRIGHTNESS, _OF_COLOUR, _OF_CUT_OFF = 0.4, 0.2, 2.0  # of the mean changes, in levels
_TOGETHER = 0.2  # of a window's area, in the places of windows that lie together


def same_but_for_an_edit(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether one of two pictures has the colours of the other, or was made from it by one rule.

    Parameters
    ----------
    one, other
        (height, width, 3) float32: RGB, 0 to 255, laid over each other.
    """
    return any(_another_hue(*pair) <= _TOGETHER for pair in ((one, other), (other, one)))


def _another_hue(source: np.ndarray, target: np.ndarray) -> float:
    """Return how large the largest place is that no edit of the source explains, in areas of a window."""
    from scipy.ndimage import label

    edited = _as_edited(source, target)
    shown = edited.clip(0, 255)
    expected, found = _colours(shown), _colours(target)
    likeness = (expected * found).sum(axis=-1) / np.maximum((expected**2).sum(axis=-1), 1e-3)
    shade = likeness.clip(1 / _SHADE, _SHADE)[..., None]
    left = np.linalg.norm(found - shade * expected, axis=-1)
    brightness = (edited - source) @ _LUMA
    colour = edited - source - brightness[..., None]
    changes = (_OF_BRIGHTNESS, brightness), (_OF_COLOUR, colour), (_OF_CUT_OFF, edited - shown)
    most = _HUE + sum(share * float(np.abs(change).mean()) for share, change in changes)
    sizes = np.bincount(label(left > most)[0].ravel())[1:]
    return float(sizes.max(initial=0)) / _WINDOW**2


def _colours(rgb: np.ndarray) -> np.ndarray:
    """Return what windows have of each channel beyond their brightness, (rows, columns, 3) float64."""
    window = min(_WINDOW, *rgb.shape[:2])
    beyond = rgb - (rgb @ _LUMA)[..., None]
    return np.stack([means(beyond[..., channel], window) for channel in range(3)], axis=-1)


def _as_edited(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the source after the edit that brings it nearest to the target; burnt out it goes beyond 255.

    Of a photo what is burnt out says nothing of the edit; a page is black and white all over.
    """
    kept = ((np.minimum(source, target) > _BURNT) & (np.maximum(source, target) < 255 - _BURNT)).all(axis=-1)
    fits = [_fitted(source, target, some) for some in (kept, np.ones_like(kept)) if some.sum() >= _FEWEST]
    fits = fits or [source]
    return min(fits, key=lambda edited: float(np.abs(edited.clip(0, 255) - target).mean()))


def _fitted(source: np.ndarray, target: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return the source after the edit that brings some of its pixels nearest to the target's."""
    old, new = source[kept].astype(np.float64), target[kept].astype(np.float64)
    old_mean, new_mean = old.mean(axis=0), new.mean(axis=0)
    old, new = old - old_mean, new - new_mean
    luma = (old @ _LUMA)[:, None]
    # Of each channel, of its brightness, and of both: the mixture's follow for every saturation.
    squares, mixed, lumas = (old**2).mean(axis=0), (old * luma).mean(axis=0), (luma**2).mean()
    products, luma_products = (old * new).mean(axis=0), (luma * new).mean(axis=0)
    saturations = _SATURATIONS[:, None]
    greys = 1 - saturations
    spreads = saturations**2 * squares + 2 * saturations * greys * mixed + greys**2 * lumas
    common = saturations * products + greys * luma_products
    gains = _near_their_mean((common / np.maximum(spreads, 1e-3)).clip(0, _GAIN), times=_BALANCE)
    wanted = new_mean - gains * (saturations * old_mean + greys * (old_mean @ _LUMA))
    offsets = _near_their_mean(wanted, levels=_TINT)
    missed = gains**2 * spreads - 2 * gains * common + (wanted - offsets) ** 2
    best = missed.sum(axis=1).argmin()
    saturation, gain, offset = (some[best].astype(np.float32) for some in (saturations, gains, offsets))
    edited: np.ndarray = (
        gain * (saturation * source + (1 - saturation) * (source @ _LUMA)[..., None]) + offset
    )
    return edited


def _near_their_mean(values: np.ndarray, *, times: float = 1.0, levels: float = 0.0) -> np.ndarray:
    """Return the values of three channels, (n, 3), each no farther from their mean than is given."""
    mean = values.mean(axis=1, keepdims=True)
    near: np.ndarray = values.clip(mean / times - levels, mean * times + levels)
    return near
