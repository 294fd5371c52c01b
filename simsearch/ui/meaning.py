"""What scores mean, in words: the same ones wherever a hit is shown."""

from __future__ import annotations

import math

from simsearch.ui.words import noted, percent, say

_WORDS = {
    "near-identical": noted("near-identical"),
    "same scene": noted("same scene"),
    "same kind": noted("same kind"),
    "probably unrelated": noted("probably unrelated"),
}
_SENTENCES = {
    "near-identical": noted("As alike as a photo and a copy of it, slightly altered."),
    "same scene": noted("As alike as two photos of one scene."),
    "same kind": noted("Both are nearest to the same photos, as things of one kind are."),
    "probably unrelated": noted("No more alike than a picture that shows nothing would be: probably chance."),
    None: noted("What the score means is not known yet: it is learnt after indexing, from 20 photos on."),
}


def word(trust: str | None) -> str:
    """Return what a hit is called, or nothing where that is not known."""
    return say(_WORDS[trust]) if trust in _WORDS else ""


def sentence(trust: str | None) -> str:
    """Return what that means."""
    return say(_SENTENCES[trust]) if trust in _SENTENCES else ""


def pairs_beaten(share: float) -> str:
    """Return a share of random pairs, 0 to 1, in percent: the more it is, the finer, and never rounded up."""
    digits = 2 if share >= 0.999 else 1 if share >= 0.99 else 0
    step = 100 * 10**digits
    return percent(math.floor(share * step + 1e-6) / step, digits if share < 1 else 0)
