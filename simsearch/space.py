"""The space that photos are compared in, learnt from the library itself: embedding to search vector.

    identity   the embedding as the network gives it; for libraries of a few photos
    pca        seen from the library's mean, in its main directions: what all photos share says nothing
    folders    besides, what tells the user's own kinds (folders, labels) apart

All are maps from an embedding to a vector of unit length, so that the indexes need not know of them. The
embeddings stay as they are: another space is a matter of seconds and loses nothing.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

import numpy as np

from simsearch.errors import LearningError

PCA_FROM = 50  # photos; the mean of fewer is too much each one's own
_DIM = 256  # directions: fewer find the crowd better, but lose the nearest of things that are much alike
_POWER = 0.1  # of the spreads that directions are divided by: 0 leaves them, 1 would whiten
_LEAST_SPREAD = 1e-6  # of the largest variance; below are rounding errors
_VARIANCE = 1e-4  # of unit vectors in all; photos that vary less are the same to the network
BASIS = 512  # directions in which kinds are told apart; more add nothing but time
_SHRINK = 0.1  # share of the within-kind covariance that is replaced by its mean ...
_SHRINK_REST = 0.5  # ... and for what the kinds do not tell, where it must serve unseen ones as well
_KIND_DIMS = 128  # directions that tell kinds apart, at most
_TRUST_IN_KINDS = 0.9  # length of the part that tells kinds apart, for a photo that is surely of one
_SOFTNESS = 0.08  # of the step between a photo of a kind and one of none
USUAL_BORDER = 0.5  # where that step is if it could not be measured


class Parts(NamedTuple):
    """What the search vectors of a space of folders are joined from.

    Attributes
    ----------
    rest
        (n, m) float32, unit vectors: what photos look like, whatever they are of.
    apart
        (n, k) float32, unit vectors: what tells the kinds apart.
    membership
        (n,) float32: how surely a photo is of one of the kinds, as the cosine with the mean of the nearest
        kind where all kinds have the same spread.
    """

    rest: np.ndarray
    apart: np.ndarray
    membership: np.ndarray

    def joined(self, border: float) -> np.ndarray:
        """Return the search vectors, (n, m + k) float32, if kinds begin at this membership."""
        weight = _TRUST_IN_KINDS / (1 + np.exp(-(self.membership[:, None] - border) / _SOFTNESS))
        vectors = np.concatenate([np.sqrt(1 - weight**2) * self.rest, weight * self.apart], axis=1)
        return vectors.astype(np.float32, copy=False)


class Space:
    """A map from embeddings to search vectors.

    Parameters
    ----------
    kind
        "identity", "pca" or "folders".
    arrays
        What it is made of.
    """

    def __init__(self, kind: str = "identity", **arrays: np.ndarray) -> None:
        if arrays.keys() != _ARRAYS[kind]:
            raise ValueError(f"a space of the kind {kind} is not made of {', '.join(arrays) or 'nothing'}")
        self.kind = kind
        self._arrays = {name: array.astype(np.float32, copy=False) for name, array in arrays.items()}

    @cached_property
    def mark(self) -> str:
        """Another for every other space: what was made in one is of no use in the next."""
        return _mark(self.to_bytes()) if self._arrays else ""

    def width(self, dim: int) -> int:
        """Return the width of the search vectors of embeddings of a width."""
        widths = [self._arrays[name].shape[1] for name in ("axes", "apart") if name in self._arrays]
        return sum(widths) if widths else dim

    def takes(self, dim: int) -> bool:
        """Whether it is one for embeddings of this width."""
        return self.kind == "identity" or self._arrays["axes"].shape[0] == dim

    def project(self, embeddings: np.ndarray) -> np.ndarray:
        """Return search vectors, (n, width) float32 of unit length, of embeddings, (n, dim) float32."""
        if self.kind == "identity":
            return embeddings
        if self.kind == "pca":
            return self._rest(embeddings)
        return self.parts(embeddings).joined(float(self._arrays["border"]))

    def looks(self, vectors: np.ndarray) -> np.ndarray:
        """Return what photos look like, whatever they are of, as unit vectors, of search vectors, (n, width).

        Photos of one kind that was learnt are much alike; copies of one photo they are not.
        """
        return unit(vectors[:, : self._arrays["axes"].shape[1]]) if self.kind == "folders" else vectors

    def _rest(self, embeddings: np.ndarray) -> np.ndarray:
        return unit((embeddings - self._arrays["center"]) @ self._arrays["axes"])

    def parts(self, embeddings: np.ndarray) -> Parts:
        """Return what search vectors of embeddings, (n, dim), are joined from, in a space of folders."""
        arrays = self._arrays
        white = (embeddings - arrays["kinds_center"]) @ arrays["white"]
        apart = white @ arrays["apart"]
        nearest = (apart @ arrays["means"].T).max(axis=1)
        membership = nearest / np.maximum(np.linalg.norm(white, axis=1), _TINY)
        return Parts(self._rest(embeddings), unit(apart), membership)

    def to_bytes(self) -> bytes:
        """Write it down, as an npz archive without pickles."""
        stream = io.BytesIO()
        arrays: dict[str, np.ndarray] = self._arrays
        np.savez(stream, kind=np.array(self.kind), **arrays)  # type: ignore[arg-type]
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Space:
        """Read what :meth:`to_bytes` wrote; raise ValueError for anything else."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            space = cls(str(arrays.pop("kind")), **arrays)
            if not all(np.isfinite(array).all() for array in space._arrays.values()):
                raise ValueError("it holds what is no number")
            dim = space._arrays["axes"].shape[0] if arrays else 1
            if space.project(np.ones((1, dim), dtype=np.float32)).shape != (1, space.width(dim) or 1):
                raise ValueError("its arrays do not fit together")
        except Exception as error:  # zipfile and NumPy raise whatever they stumble over
            raise ValueError("damaged") from error
        space.mark = _mark(content) if arrays else ""
        return space


_ARRAYS = {
    "identity": set[str](),
    "pca": {"center", "axes"},
    "folders": {"center", "axes", "kinds_center", "white", "apart", "means", "border"},
}
_TINY = float(np.finfo(np.float32).tiny)


class Spread:
    """How the embeddings of a library are spread.

    Attributes
    ----------
    count
        How many there are.
    mean, covariance
        (dim,) and (dim, dim) float64.
    """

    def __init__(self, blocks: Iterable[np.ndarray]) -> None:
        """Measure embeddings that come in blocks, (n, dim) float32."""
        self.count = 0
        total: np.ndarray = np.zeros(1)
        products: np.ndarray = np.zeros((1, 1))
        for block in blocks:
            self.count += len(block)
            total = total + block.sum(axis=0, dtype=np.float64)
            products = products + block.T @ block
        self.mean: np.ndarray = total / max(self.count, 1)
        self.covariance: np.ndarray = products / max(self.count, 1) - np.outer(self.mean, self.mean)

    @cached_property
    def _directions(self) -> tuple[np.ndarray, np.ndarray]:
        variances, axes = np.linalg.eigh(self.covariance)
        return variances[::-1], axes[:, ::-1]

    def main_directions(self, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the variances, (m,), and unit vectors, (dim, m), of the main directions, largest first.

        Raises
        ------
        LearningError
            When there are too few embeddings, or they are all the same.
        """
        if self.count < 2 or np.trace(self.covariance) < _VARIANCE:
            raise LearningError("the photos do not differ", "index photos of several things first")
        variances, axes = self._directions
        real = variances[:most] > _LEAST_SPREAD * variances[0]
        return variances[:most][real], axes[:, :most][:, real]


def pca(spread: Spread) -> Space:
    """Learn the mean and main directions of a library.

    A little of each direction's spread is taken out, which helps where things are much alike.

    Raises
    ------
    LearningError
        When the photos do not differ.
    """
    variances, axes = spread.main_directions(_suitable_dim(spread.count))
    return Space("pca", center=spread.mean, axes=axes * (variances / variances[0]) ** (-_POWER / 2))


def _suitable_dim(count: int) -> int:
    return max(min(_DIM, count - 1), 1)  # so many photos have no more


def folders(spread: Spread, embeddings: np.ndarray, kinds: np.ndarray, border: float) -> Space:
    """Learn what tells kinds apart, and keep what does not.

    Linear discriminant analysis with a shrunk covariance (R. A. Fisher, 1936; J. H. Friedman, "Regularized
    discriminant analysis", 1989) finds the directions. By themselves they would forget whatever was not
    labelled: photos of other kinds all end near some kind that was. So a search vector has two parts, and
    a photo's own membership in the kinds decides their lengths: the directions that tell kinds apart for one
    that is of a kind; for others the main directions of the library, after the within-kind spread, which
    photos of any kind have, was made smaller in them.

    Parameters
    ----------
    spread
        Of the library.
    embeddings
        (n, dim) float32: the labelled ones.
    kinds
        (n,) integers from 0, each of which comes at least twice.
    border
        The membership from which a photo counts as one of a kind; see :func:`simsearch.learning.learn`.

    Raises
    ------
    LearningError
        When there are fewer than two kinds, or the photos do not differ.
    """
    count = int(kinds.max(initial=-1)) + 1
    if count < 2:
        raise LearningError("one kind cannot be told from others", "label photos of at least two kinds")
    variances, basis = spread.main_directions(min(BASIS, spread.count - 1))
    seen = (embeddings - spread.mean.astype(np.float32)) @ basis.astype(np.float32)
    means = np.array([seen[kinds == kind].mean(axis=0) for kind in range(count)])
    sizes = np.bincount(kinds)
    offsets = seen - means[kinds]
    within = offsets.T @ offsets / max(len(seen) - count, 1)
    spreads, directions = np.linalg.eigh(within)
    spreads = np.maximum(spreads, _LEAST_SPREAD * variances[0])  # copies alone do not vary within a kind
    white = directions * _flattening(spreads, _SHRINK)
    middle = np.average(means, axis=0, weights=sizes)
    between = (means - middle) @ white
    _, distances, apart = np.linalg.svd(between * np.sqrt(sizes / len(seen))[:, None], full_matrices=False)
    most = min(count - 1, _KIND_DIMS)
    real = distances[:most] ** 2 > _LEAST_SPREAD * max(distances[0] ** 2, 1)  # 1: as far as kinds are wide
    apart = apart[:most][real].T
    if not apart.size:
        raise LearningError("the kinds do not differ", "label photos of things that look different")
    # The library's main directions, once what varies within any kind was made smaller.
    rest = basis @ (directions * _flattening(spreads, _SHRINK_REST))
    _, axes = np.linalg.eigh(rest.T @ spread.covariance @ rest)
    return Space(
        "folders",
        center=spread.mean,
        axes=rest @ axes[:, ::-1][:, : _suitable_dim(spread.count)],
        kinds_center=spread.mean + basis @ middle,
        white=basis @ white,
        apart=apart,
        means=unit(between @ apart),
        border=np.array(border),
    )


def _flattening(variances: np.ndarray, shrink: float) -> np.ndarray:
    """Return the factors that make variances, (m,), once they are shrunk towards their mean, all 1."""
    factors: np.ndarray = ((1 - shrink) * variances + shrink * variances.mean()) ** -0.5
    return factors


def _mark(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors, (n, dim), at length 1; what has no direction gets the first."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.where(lengths > _TINY, vectors, np.eye(1, vectors.shape[1], dtype=vectors.dtype))
    units: np.ndarray = (vectors / np.where(lengths > _TINY, lengths, 1)).astype(np.float32)
    return units
