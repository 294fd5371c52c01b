"""Training a network on the library's own kinds: a backbone of its own, where it finds better.

The pictures are the library's thumbnails, so that photos on a drive that is away teach as well. A fifth of
the photos is kept from training, copies of one picture together, and tells whether the trained network beats
what :mod:`simsearch.learning` makes of what the old one sees in the same pictures, which costs seconds. Keras
runs in a process of its own, :mod:`simsearch.deep_training`.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from simsearch import derived, learning, lessons, pixels, program
from simsearch.backbones import EMBEDDED
from simsearch.encoder import Encoder, network_path, open_encoder
from simsearch.errors import LearningError, PhotoError, WriteError
from simsearch.folders import networks_of
from simsearch.learning import SMALLEST_KIND, Trial
from simsearch.litert import PIXELS, VECTOR
from simsearch.store import Store

EPOCHS = 15
_MOST = 5_000  # photos
_PARTS = 5  # of which one is for photos that nobody named, among which searches are tried
_PICTURES_BYTES = 2 << 30  # on the disk; for 600 pixels a side, 1,988 photos
_SAME = 0.98
_LOSS = "4 to 6"  # of 100 hits, by kinds that it was not told of; measured as the README says
Progress = Callable[[dict[str, Any]], None]


def learn(
    store: Store,
    encoder: Encoder,
    kinds: dict[int, str],
    folder: Path,
    *,
    unfreeze: int = 0,
    epochs: int = EPOCHS,
    seed: int = 0,
    force: bool = False,
    progress: Progress = lambda told: None,
) -> dict[str, Any]:
    """Train a head on the library's backbone that tells kinds apart, and measure what it gains.

    Parameters
    ----------
    encoder
        The library's own.
    kinds
        Names by photo ids.
    folder
        The library's, where the network is kept, if it finds better than what is learnt from the embeddings.
    unfreeze
        How many of the backbone's last blocks are trained as well.
    epochs
        At most; training ends where photos kept from it are not told apart any better.
    force
        Whether to keep it even if it does not find better.
    progress
        Called with what is being done, ``doing``, how much of that is ``done`` and the ``total``; in
        training, in epochs, besides with ``seconds_left`` and the epoch's entry in the ``history``. What it
        raises ends it all, and nothing is left then.

    Returns
    -------
    ``network``
        The path of a ``.keras`` file, None where nothing was kept.
    ``better``
        Whether it finds better than what is learnt from the embeddings there are.
    ``lesson``
        What the library is to learn with the network's embeddings: "folders" or "photos".
    ``photos``, ``asked``
        How many it was trained with, and how many others asked.
    ``unused``, ``untold``
        How many photos of the kinds were neither trained with nor kept from that, for want of room, and how
        many others the library has, which pay for it.
    ``raw``, ``folders``, ``deep``, ``deep_folders``
        Precision at 1 and at 15 and accuracy of those: as without learning, with what is learnt from the
        others' kinds, and both with the trained network.
    ``history``, ``best``
        An entry an epoch (epoch, loss, accuracy, val_loss, val_accuracy, seconds), and the epoch kept.
    ``small``
        The kinds of too few photos to learn from.

    Raises
    ------
    LearningError
        When there are fewer than two kinds of a few photos, the network cannot be trained, or training fails.
    WriteError
        When the network cannot be kept, or there is no room for what is only needed meanwhile.
    """
    backbone, networks = _trainable(encoder, networks_of(folder)), networks_of(folder)
    with _scratch() as place:
        photos = _photos(store, encoder, kinds, place, progress)
        held, told = photos.split()
        task = {
            "backbone": backbone,
            "rows": photos.rows[told].tolist(),
            "kinds": photos.kinds[told].tolist(),
            "validating": np.flatnonzero(learning.held_out(photos.kinds[told], photos.copies[told])).tolist(),
            "unfreeze": unfreeze,
            "epochs": epochs,
            "seed": seed,
        }
        result = _train(place, task, progress)
        network = place / f"{_base(encoder)}-tuned-{result['digest'][:8]}.keras"
        (place / "network.keras").rename(network)
        measured, kept = _judged(network, photos, held, networks, force, progress)
    everyone = store.folders()
    named = sum(kinds.get(photo_id) in set(photos.names) for photo_id in everyone)
    return {
        "network": kept and str(kept),
        **measured,
        "backbone": encoder.identity.backbone,
        "photos": result["photos"],
        "unused": named - int(held.sum()) - result["photos"],
        "untold": len(everyone) - named,
        "history": result["history"],
        "best": result["best"],
        "small": sorted({*kinds.values()}.difference(photos.names)),
    }


@contextmanager
def _scratch() -> Iterator[Path]:
    """Give a folder for what is large and only needed meanwhile."""
    with (
        derived.scratch(Path(tempfile.gettempdir())),
        tempfile.TemporaryDirectory(prefix="simsearch-", ignore_cleanup_errors=True) as place,
    ):
        yield Path(place)


def _base(encoder: Encoder) -> str:
    """Return the name of the network that an encoder's was trained from, or its own."""
    return Path(encoder.identity.backbone).name.removesuffix(".keras").partition("-tuned-")[0]


def _judged(
    network: Path, photos: _Photos, held: np.ndarray, networks: Path, force: bool, progress: Progress
) -> tuple[dict[str, Any], Path | None]:
    """Measure a trained network, and keep it where it is better, or that is wished; return where."""
    progress({"doing": "converting it", "done": 0, "total": 0})
    trained = open_encoder(network)
    kept = networks / network.name
    try:
        new = _embedded(trained, photos.pictures, photos.rows, progress)
        measured = _measured(*learning.compare(photos.embeddings, new, photos.kinds, held))
        if not measured["better"] and not force:
            return measured, None
        derived.make_folder(networks)
        derived.write_atomically(kept, network.read_bytes())
        return measured, kept
    finally:
        if not kept.exists():
            network_path(trained.identity).unlink(missing_ok=True)


def _embedded(encoder: Encoder, pictures: np.ndarray, rows: np.ndarray, progress: Progress) -> np.ndarray:
    """Return the embeddings, (n, dim) float32, of some of the pictures."""
    embeddings = np.empty((len(rows), encoder.dim), dtype=np.float32)
    for number, row in enumerate(rows):
        embeddings[number] = encoder.encode(pictures[row])
        progress({"doing": "trying it on photos held out", "done": number + 1, "total": len(rows)})
    return embeddings


def _measured(before: Trial, after: Trial) -> dict[str, Any]:
    """Say which of the trained network's trials is the one to serve, and whether it is better."""
    tries = {"folders": after.after, "photos": after.before}
    better = [
        lesson for lesson, found in tries.items() if learning.is_better(before.after, found, before.kinds)
    ]
    found = {
        "raw": learning.mean(before.before),
        "folders": learning.mean(before.after),
        "deep": learning.mean(after.before),
        "deep_folders": learning.mean(after.after),
    }
    return {
        "better": bool(better),
        "lesson": max(better or tries, key=lambda lesson: learning.mean(tries[lesson]).precision_at_15),
        "asked": len(before.kinds),
        **{name: quality._asdict() for name, quality in found.items()},
    }


def verdict(result: dict[str, Any]) -> str:
    """Say in a sentence whether what :func:`learn` trained is better, with the figures."""
    was, now = result["folders"], result["deep_folders" if result["lesson"] == "folders" else "deep"]
    does = "finds better" if result["better"] else "does not find clearly better"
    text = (
        f"the trained network {does} than learn folders does without it: "
        f"{now['precision_at_15']:.1%} of the first 15 are of the photo's kind, against "
        f"{was['precision_at_15']:.1%}, and {now['precision_at_1']:.1%} of the very first, against "
        f"{was['precision_at_1']:.1%}"
    )
    if result["untold"]:
        text += (
            f"; kinds that it was not told of, of which the library may have {result['untold']:,} photos, "
            f"lose: {_LOSS} of 100 hits in what was measured"
        )
    return text


def _trainable(encoder: Encoder, networks: Path) -> str:
    """Return the name of an encoder's network, or the path of its file, as Keras can build it.

    Raises
    ------
    LearningError
        When it cannot.
    """
    from importlib.util import find_spec

    if find_spec("tensorflow") is None:
        raise LearningError("TensorFlow is not installed", "install it: pip install tensorflow")
    identity = encoder.identity
    name, kind = identity.backbone, identity.preprocessing
    if f"-{VECTOR}-" in kind:
        raise LearningError(f"{name} makes a vector, where a head needs a map", "index with another network")
    if any(mark and f"{mark}-" in kind for mark in PIXELS.values()):
        remedy = "save it with a Rescaling layer at its start, and index with that"
        raise LearningError(f"{name} takes pixels that are scaled outside of it", remedy)
    if name in EMBEDDED or getattr(encoder, "published", None):
        return name
    file = networks / f"{name}.keras"
    if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != identity.weights:
        raise LearningError(f"{name} was made from a file that is not here", f"put its .keras file at {file}")
    return str(file)


class _Photos(NamedTuple):
    """What is trained and measured with.

    Attributes
    ----------
    pictures
        (m, side, side, 3) uint8, in a file; some rows are of no photo.
    rows
        (n,) int64, ascending: those of the photos.
    kinds
        (n,) int64: their kinds, -1 for those that nobody named.
    names
        Of the kinds.
    copies
        (n,) int64: the same number for those of the same picture.
    embeddings
        (n, dim) float32: what the library's own network makes of the pictures.
    """

    pictures: np.ndarray
    rows: np.ndarray
    kinds: np.ndarray
    names: list[str]
    copies: np.ndarray
    embeddings: np.ndarray

    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """Return which photos, (n,) bool, are kept from training, and which are trained with."""
        held = learning.held_out(self.kinds, self.copies)
        told = (self.kinds >= 0) & ~held
        if not held.any() or not learning.held_out(self.kinds[told], self.copies[told]).any():
            reason = "the photos of each kind are all copies of one another"
            raise LearningError(reason, "add others of each")
        return held, told


def _photos(
    store: Store, encoder: Encoder, kinds: dict[int, str], place: Path, progress: Progress
) -> _Photos:
    """Read the photos of the kinds, as many of each where there are too many, and some that nobody named.

    Who has no thumbnail that can be read, or that the network sees nothing in, is left out.
    """
    side = encoder.input_size
    most = min(_MOST, _PICTURES_BYTES // (3 * side**2))
    wanted = _wanted(list(store.folders()), kinds, most)
    pictures = derived.scratch_array(place / "pictures.npy", (max(len(wanted), 1), side, side, 3), np.uint8)
    embeddings = np.empty((len(wanted), encoder.dim), dtype=np.float32)
    rows = []
    for row, photo_id in enumerate(wanted.tolist()):
        with suppress(PhotoError, ValueError):
            jpeg = store.thumbnail(photo_id) or b""
            pictures[row] = pixels.letterbox(pixels.decode(jpeg, "", at_least=side).image, side)
            embeddings[row] = encoder.encode(pictures[row])
            rows.append(row)
        progress({"doing": "reading the photos", "done": row + 1, "total": len(wanted)})
    pictures.flush()
    sound = np.array(rows, dtype=np.int64)
    found = [kinds.get(photo_id, "") for photo_id in wanted[sound].tolist()]
    sizes = Counter(found)
    names = sorted(name for name, size in sizes.items() if name and size >= SMALLEST_KIND)
    if len(names) < 2:
        count = ("no", "one")[len(names)]
        reason = f"{count} kind has {SMALLEST_KIND} photos or more, and it takes two"
        raise LearningError(reason, "give another as many")
    numbers = {name: number for number, name in enumerate(names)}
    numbered = np.array([numbers.get(name, -1) for name in found], dtype=np.int64)
    return _Photos(pictures, sound, numbered, names, _copies(pictures, sound), embeddings[sound])


def _wanted(photos: list[int], kinds: dict[int, str], most: int) -> np.ndarray:
    """Return which photos to train and measure with, (n,) int64: evenly drawn, some that nobody named last.

    There are no more than so many: of a thousand kinds and more some are left out as well.
    """
    few, many = most // _PARTS, most - most // _PARTS
    sizes, small = lessons.sizes(kinds)
    large = np.random.default_rng(0).permutation(sorted({*sizes}.difference(small)))
    names = set(large[: many // SMALLEST_KIND].tolist())
    named = {photo_id: kind for photo_id, kind in kinds.items() if kind in names}
    others = np.setdiff1d(photos, list(named))
    return np.concatenate([lessons.chosen(named, many), others[:: len(others) // few + 1]]).astype(np.int64)


def _copies(pictures: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return which of some pictures are copies, larger or smaller or more compressed: (n,) int64, as groups.

    A copy that is learnt from would tell of the one that is kept from learning. It is by their pixels, as a
    network may see little: what is saved anew has a correlation of 0.998 or more, and of 1,024 other photos
    three pairs have more than 0.98, two of which are copies.
    """
    small = np.array([_small(pictures[row]) for row in rows])
    groups = np.arange(len(rows))
    for number, one in enumerate(small):
        alike = np.flatnonzero(small[: number + 1] @ one > _SAME)
        if len(alike) > 1:
            groups[np.isin(groups, groups[alike])] = groups[alike[0]]
            groups[number] = groups[alike[0]]
    return groups


def _small(picture: np.ndarray) -> np.ndarray:
    """Return a picture in a few pixels, as a vector of unit length, (768,) float32, 0 where it is plain."""
    image = Image.fromarray(picture).resize((16, 16), Image.Resampling.BOX)
    values = np.asarray(image, dtype=np.float32).ravel()
    away = values - values.mean()
    unit: np.ndarray = away / max(float(np.linalg.norm(away)), 1.0)
    return unit


def _train(place: Path, task: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Train in a process of its own; return what it left in ``result.json``."""
    (place / "task.json").write_text(json.dumps(task))
    settings = {
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "2",  # errors
    }
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            program.command("deep_training", str(place)),
            stdin=subprocess.PIPE,  # it ends when this is closed, also by our own end
            stdout=subprocess.PIPE,
            stderr=errors,
            env=program.environment(**settings),
            start_new_session=True,  # Ctrl-C is ours to answer
        )
        assert child.stdin and child.stdout
        with child.stdin, child.stdout:
            try:
                for line in child.stdout:
                    told = json.loads(line)
                    if "remedy" in told:
                        raise WriteError(**told)
                    progress(told)
                code = child.wait()
            finally:
                child.kill()
                child.wait()
        if code:
            errors.seek(0)
            words = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise LearningError(
                f"training failed with exit code {code}: {words or 'it said nothing'}",
                "check that tensorflow can be imported and that there is memory, and try again",
            )
    result: dict[str, Any] = json.loads((place / "result.json").read_text())
    return result
