"""Training a network on the library's own kinds: a backbone of its own, where it finds better.

The pictures are the library's thumbnails, so that photos on a drive that is away teach as well. A fifth of
the photos is kept from training and tells whether the trained network beats what :mod:`simsearch.learning`
makes of the embeddings there are, which costs seconds. Keras runs in a process of its own,
:mod:`simsearch.deep_training`.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from simsearch import derived, learning, lessons, pixels, program
from simsearch.backbones import EMBEDDED
from simsearch.encoder import Encoder, network_path, open_encoder
from simsearch.errors import LearningError, PhotoError
from simsearch.folders import networks_of
from simsearch.learning import SMALLEST_KIND, Trial
from simsearch.litert import PIXELS, VECTOR
from simsearch.store import Store

EPOCHS = 15
_MOST_LABELLED = 4_000  # photos: 800 MB of pixels
_MOST_STRANGERS = 1_000  # photos of no kind that searches are tried among
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
        How many it was trained and measured with, and how many of these asked: they were kept from training.
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
        When the network cannot be kept.
    """
    backbone = _trainable(encoder, networks_of(folder))
    progress({"doing": "reading the photos", "done": 0, "total": 0})
    with tempfile.TemporaryDirectory(prefix="simsearch-", ignore_cleanup_errors=True) as temporary:
        place = Path(temporary)
        pictures, rows, ids, old = _photos(store, encoder, kinds, place, progress)
        sizes = Counter(kinds[photo_id] for photo_id in ids if photo_id in kinds)
        names = sorted(name for name, size in sizes.items() if size >= SMALLEST_KIND)
        if len(names) < 2:
            count = ("no", "one")[len(names)]
            reason = f"{count} kind has {SMALLEST_KIND} photos or more, and it takes two"
            raise LearningError(reason, "give another as many")
        numbers = {name: number for number, name in enumerate(names)}
        found = np.array([numbers.get(kinds.get(photo_id, ""), -1) for photo_id in ids], dtype=np.int64)
        asking = learning.held_out(found)
        told = np.flatnonzero((found >= 0) & ~asking)
        np.save(place / "told.npy", rows[told])
        task = {
            "backbone": backbone,
            "kinds": found[told].tolist(),
            "validating": np.flatnonzero(learning.held_out(found[told])).tolist(),
            "unfreeze": unfreeze,
            "epochs": epochs,
            "seed": seed,
        }
        (place / "task.json").write_text(json.dumps(task))
        result = _run(place, progress)
        base = Path(encoder.identity.backbone).name.removesuffix(".keras").partition("-tuned-")[0]
        network = place / f"{base}-tuned-{result['digest'][:8]}.keras"
        (place / "network.keras").rename(network)
        progress({"doing": "converting it", "done": 0, "total": 0})
        trained = open_encoder(network)
        new = _embedded(trained, pictures, rows, progress)
        measured = _measured(*learning.compare(old, new, found, asking))
        kept = networks_of(folder) / network.name if measured["better"] or force else None
        if kept:
            derived.make_folder(kept.parent)
            derived.write_atomically(kept, network.read_bytes())
        else:
            network_path(trained.identity).unlink(missing_ok=True)
    return {
        "network": str(kept) if kept else None,
        **measured,
        "backbone": encoder.identity.backbone,
        "photos": len(told),
        "history": result["history"],
        "best": result["best"],
        "small": sorted({*kinds.values()}.difference(names)),
    }


def _measured(before: Trial, after: Trial) -> dict[str, Any]:
    """Say which of the trained network's trials is the one to serve, and whether it is better."""
    deep = {"folders": after.after, "photos": after.before}
    better = [lesson for lesson in deep if learning.is_better(before.after, deep[lesson], before.asked)]
    return {
        "better": bool(better),
        "lesson": max(better or deep, key=lambda lesson: deep[lesson].precision_at_15),
        "asked": before.asked,
        "raw": before.before._asdict(),
        "folders": before.after._asdict(),
        "deep": after.before._asdict(),
        "deep_folders": after.after._asdict(),
    }


def verdict(result: dict[str, Any]) -> str:
    """Say in a sentence whether what :func:`learn` trained is better, with the figures."""
    was, now = result["folders"], result["deep_folders" if result["lesson"] == "folders" else "deep"]
    does = "finds better" if result["better"] else "does not find clearly better"
    return (
        f"the trained network {does} than learn folders does without it: "
        f"{now['precision_at_15']:.1%} of the first 15 are of the photo's kind, against "
        f"{was['precision_at_15']:.1%}, and {now['precision_at_1']:.1%} of the very first, against "
        f"{was['precision_at_1']:.1%}"
    )


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


def _photos(
    store: Store, encoder: Encoder, kinds: dict[int, str], place: Path, progress: Progress
) -> tuple[np.ndarray, np.ndarray, list[int], np.ndarray]:
    """Return pictures in a file, which of them are photos, and the photos' ids and embeddings.

    They are of the kinds, the same share of each where there are too many, and some that nobody labelled.
    Who has no thumbnail that can be read is left out: a row without a picture.

    Returns
    -------
    (m, side, side, 3) uint8; (n,) int64; n ids; (n, dim) float32.
    """
    strangers = np.setdiff1d(list(store.folders()), list(kinds))
    strangers = strangers[:: len(strangers) // _MOST_STRANGERS + 1]
    wanted = np.concatenate([lessons.chosen(kinds, _MOST_LABELLED), strangers]).astype(np.int64)
    ids, embeddings = lessons.embeddings_of(store, encoder.dim, wanted)
    side = encoder.input_size
    shape = (max(len(ids), 1), side, side, 3)
    pictures = np.lib.format.open_memmap(place / "pictures.npy", "w+", np.uint8, shape)
    rows = []
    for row, photo_id in enumerate(ids.tolist()):
        progress({"doing": "reading the photos", "done": row, "total": len(ids)})
        with suppress(PhotoError):
            jpeg = store.thumbnail(photo_id) or b""
            pictures[row] = pixels.letterbox(pixels.decode(jpeg, "", at_least=side).image, side)
            rows.append(row)
    pictures.flush()
    sound = np.array(rows, dtype=np.int64)
    return pictures, sound, ids[sound].tolist(), embeddings[sound]


def _run(place: Path, progress: Progress) -> dict[str, Any]:
    """Train in a process of its own; return what it left in ``result.json``."""
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
                    progress(json.loads(line))
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


def _embedded(encoder: Encoder, pictures: np.ndarray, rows: np.ndarray, progress: Progress) -> np.ndarray:
    """Return the embeddings, (n, dim) float32, of some of the pictures."""
    embeddings = np.empty((len(rows), encoder.dim), dtype=np.float32)
    for number, row in enumerate(rows):
        progress({"doing": "trying it on photos held out", "done": number, "total": len(rows)})
        embeddings[number] = encoder.encode(pictures[row])
    return embeddings
