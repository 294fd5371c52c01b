"""Train a head on a backbone, and the backbone's last blocks where that is wished, in Keras.

Small convolutions over the map give new features, which tell the user's kinds apart. They stand beside the
ones that the backbone knew, which tell apart all else:

    pixels -> stem -> tail -> map ----------------------------+-> joined map -> pooled: the embedding
                               +--> 1x1 convolution, norm, ReLU -+

The stem is never trained, so that what it makes of some augmented views of every photo is worked out once;
what follows learns from that. Without blocks to unfreeze there is no tail. The loss is that of a cosine
classifier behind generalised mean pooling, as the embeddings are compared (H. Wang et al., "CosFace", 2018,
without its margin); it is thrown away in the end.

This is a program, ``python -m simsearch.deep_training FOLDER``. It reads ``pictures.npy``, (n, side, side,
3) uint8, and ``task.json``, a :class:`Task`, which says which of these to train with; writes to standard
output how far it is, in lines of JSON, the last of which says so where a disk is full; and leaves
``network.keras`` and ``result.json``. It ends, and removes the folder, when its standard input is closed:
when whoever started it is gone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simsearch import derived
from simsearch.conversion import LOWEST, float_model
from simsearch.errors import WriteError

if TYPE_CHECKING:
    import keras

WIDTH = 512  # new features
_SHARE = 0.5  # of the new features in an embedding, as a length; the old ones have 1
_SCALE = 16.0  # of cosines, before they are made probabilities
_SMOOTHING = 0.1  # of labels: folders are not always right
_HEAD_RATE, _TAIL_RATE = 1e-3, 1e-4
_WARM_UP = 5  # epochs, before blocks are trained: a head that knows nothing would spoil them
_PATIENCE = 5  # epochs without progress
_BATCH = 32
_PICTURES_AT_ONCE = 16
_VIEWS = (2, 4)  # of each photo, the first as it is: at least, at most
_SEEN_BYTES = 4 << 30  # on the disk, of what the stem makes of them: else there are fewer views, or photos
_KERNELS = 3  # layers with kernels that are a block: what most networks repeat
Tell = Callable[..., None]


class Task(NamedTuple):
    """What to train.

    Attributes
    ----------
    backbone
        Name, or path of a ``.keras`` file that takes RGB from 0 to 255 and puts out a map.
    rows
        Of the pictures to train with, ascending.
    kinds
        Theirs, numbered from 0.
    validating
        Those of them, numbered from 0, that tell when to stop and are not learnt from.
    unfreeze
        How many of the backbone's last blocks are trained as well.
    epochs
        At most.
    seed
        The same one gives the same network on the same machine.
    """

    backbone: str
    rows: list[int]
    kinds: list[int]
    validating: list[int]
    unfreeze: int
    epochs: int
    seed: int


def trunk(name: str) -> keras.Model:
    """Build a backbone without what follows its map.

    Returns
    -------
    A model from (n, side, side, 3) float32, RGB from 0 to 255, to (n, rows, columns, channels) float32.

    Raises
    ------
    BackboneError
        When its weights are not there.
    ValueError
        When a file is no network, or not such a one.
    """
    model = float_model(name)
    if len(model.output.shape) != 4:
        raise ValueError("it does not put out a map, so that no head can be trained on it")
    return model


def cut(model: keras.Model, blocks: int) -> tuple[keras.Model, keras.Model | None]:
    """Part a network into what stays as it is and its last blocks; None where there are none of these.

    A network can be parted where all passes through one tensor, and is where that is smaller than what was
    before: between blocks, not inside one. A block is three layers with kernels, or more.
    """
    import keras

    if not blocks:
        return model, None
    operations = model.operations
    if isinstance(operations[-1], keras.Model):  # a network behind its preprocessing
        stem, tail = cut(operations[-1], blocks)
        return keras.Model(model.input, stem(operations[-2].output)), tail
    kernels = [sum(len(weight.shape) > 1 for weight in getattr(one, "weights", ())) for one in operations]
    found = operations[0].output
    before = last = np.inf
    for number, tensor in _points(model):
        if (size := np.prod(tensor.shape[1:])) != last:
            before, last = last, size
        if size < before and sum(kernels[number + 1 :]) >= _KERNELS * blocks:
            found = tensor
    return keras.Model(model.input, found), keras.Model(found, model.output)


def _points(model: keras.Model) -> list[tuple[int, Any]]:
    """Return where all passes through one tensor: the number of the operation that makes it, and it."""
    import keras

    operations = model.operations
    needed: dict[int, int] = {}
    for number, operation in enumerate(operations):
        needed |= {id(tensor): number for tensor in keras.tree.flatten(operation.input)}
    needed[id(model.output)] = len(operations)
    alive: set[int] = set()
    points = []
    for number, operation in enumerate(operations):
        made = keras.tree.flatten(operation.output)
        alive = {one for one in alive | {id(tensor) for tensor in made} if needed.get(one, -1) > number}
        if alive == {id(made[0])}:
            points.append((number, made[0]))
    return points


def augmentation(seed: int) -> keras.Sequential:
    """Return layers that show a picture, RGB from 0 to 255, a little otherwise each time."""
    from keras import layers

    grey = {"fill_mode": "constant", "fill_value": 127.0}
    return _sequence(
        layers.RandomFlip("horizontal", seed=seed),
        layers.RandomRotation(0.03, seed=seed + 1, **grey),  # of a whole turn
        layers.RandomZoom((-0.25, 0.05), seed=seed + 2, **grey),
        layers.RandomTranslation(0.08, 0.08, seed=seed + 3, **grey),
        layers.RandomBrightness(0.15, (0, 255), seed=seed + 4),
        layers.RandomContrast(0.25, (0, 255), seed=seed + 5),
        layers.RandomColorDegeneration(0.3, (0, 255), seed=seed + 6),
    )


def _sequence(*layers: Any) -> keras.Sequential:
    import keras

    return keras.Sequential(layers)


def _seen(
    stem: keras.Model, pictures: np.ndarray, rows: np.ndarray, views: int, file: Path, seed: int, tell: Tell
) -> np.ndarray:
    """Return what the stem makes of some pictures, (views, n, rows, columns, channels) float16 in a file.

    The first view is the picture as it is, the others are augmented.
    """
    import tensorflow as tf

    change = augmentation(seed)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def see(batch: Any, *, anew: bool) -> Any:
        batch = tf.cast(batch, tf.float32)
        seen = stem(change(batch, training=True) if anew else batch, training=False)
        return tf.cast(tf.clip_by_value(seen, -6e4, 6e4), tf.float16)

    shape = (views, len(rows), *stem.output.shape[1:])
    seen = derived.scratch_array(file, shape, np.float16)
    started, total = time.monotonic(), views * len(rows)
    for view in range(views):
        for first in range(0, len(rows), _PICTURES_AT_ONCE):
            here = slice(first, first + _PICTURES_AT_ONCE)
            seen[view, here] = see(tf.constant(pictures[rows[here]]), anew=view > 0)
            done = view * len(rows) + min(here.stop, len(rows))
            left = (time.monotonic() - started) / done * (total - done)
            tell(doing="looking at the photos", done=done, total=total, seconds_left=left)
    return seen


class Best:
    """The best weights so far, and whether it is time to stop.

    Parameters
    ----------
    patience
        Epochs without progress after which it is.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self.loss, self.epoch = np.inf, 0
        self._weights: list[np.ndarray] = []

    def see(self, epoch: int, loss: float, model: Any) -> bool:
        """Take an epoch's loss of what was not learnt from; return whether to go on."""
        if loss < self.loss:
            self.loss, self.epoch, self._weights = loss, epoch, model.get_weights()
        return bool(np.isfinite(loss)) and epoch - self.epoch < self._patience

    def restore(self, model: Any) -> None:
        """Give a model the best weights."""
        if self._weights:
            model.set_weights(self._weights)


class Trained(NamedTuple):
    """A trained network, and how it went.

    ``photos`` is how many it was trained with; ``history`` has an entry an epoch: epoch, loss, accuracy,
    val_loss, val_accuracy and seconds; ``best`` is the epoch whose weights were kept.
    """

    photos: int
    model: keras.Model
    history: list[dict[str, float]]
    best: int


def train(task: Task, pictures: np.ndarray, folder: Path, tell: Tell) -> Trained:
    """Train a head, and the last blocks where that is wished.

    Parameters
    ----------
    pictures
        (n, side, side, 3) uint8.
    folder
        For what is large and only needed meanwhile.
    tell
        Called with how far it is, as named arguments: ``doing``, ``done``, ``total`` and ``seconds_left``,
        and an epoch's entry in the history.
    """
    import keras

    keras.utils.set_random_seed(task.seed)
    whole = trunk(task.backbone)
    stem, tail = cut(whole, task.unfreeze)
    room = _SEEN_BYTES // (int(np.prod(stem.output.shape[1:])) * 2)  # pictures, each time one is seen
    used = _chosen(task, room // _VIEWS[0])
    views = int(np.clip(room // len(used), *_VIEWS))
    seen = _seen(stem, pictures, np.array(task.rows)[used], views, folder / "seen.npy", task.seed, tell)

    kinds = np.array(task.kinds)[used]
    is_validating = np.isin(used, task.validating)
    validating, learning = np.flatnonzero(is_validating), np.flatnonzero(~is_validating)
    source = keras.Input(stem.output.shape[1:])
    known = tail(source) if tail else source
    middle = keras.layers.Conv2D(WIDTH, 1, use_bias=False)(keras.layers.SpatialDropout2D(0.2)(known))
    norm = keras.layers.BatchNormalization(momentum=0.9)
    new = keras.layers.ReLU()(norm(middle))
    count = int(kinds.max()) + 1
    mean = _goes_negative(keras.Model(source, known), seen[0, :_PICTURES_AT_ONCE])
    judged = [_judged(new, count, mean), *([_judged(known, count, mean)] if tail else [])]
    judge = keras.Model(source, judged)
    fit = _Fit(judge, seen, kinds, learning, validating, task, tell)
    if tail:
        _freeze(tail)
        fit.run(min(_WARM_UP, task.epochs), _HEAD_RATE)
        _unfreeze(tail)
    fit.run(task.epochs, _TAIL_RATE if tail else _HEAD_RATE)
    fit.best.restore(judge)

    features = keras.Model(source, [known, new])
    _balance(norm, features, seen[0], mean)
    image = keras.Input(whole.input.shape[1:])
    map_of = tail(stem(image)) if tail else stem(image)
    head = keras.Model(known, new)
    network = keras.Model(image, keras.layers.Concatenate()([map_of, head(map_of)]))
    return Trained(len(used), network, fit.history, fit.best.epoch)


def _chosen(task: Task, most: int) -> np.ndarray:
    """Return which of a task's to train with, (n,) int64 ascending: all, or as many of each kind as can be.

    Those that tell when to stop have the same share of them as of all.
    """
    kinds, order = np.array(task.kinds), np.random.default_rng(task.seed).permutation(len(task.kinds))
    is_validating = np.isin(order, task.validating)
    drawn = []
    for part in (order[~is_validating], order[is_validating]):
        turns = np.empty(len(part), dtype=np.int64)  # in which each of a kind is drawn
        for kind in np.unique(kinds[part]):
            own = kinds[part] == kind
            turns[own] = np.arange(own.sum())
        room = max(min(most, len(order)) * len(part) // len(order), 2)
        drawn.append(part[np.argsort(turns, kind="stable")[:room]])
    return np.sort(np.concatenate(drawn))


def _layers_of(model: Any) -> list[Any]:
    """Return all layers, those inside others as well."""
    return [
        one for layer in model.layers for one in (_layers_of(layer) if hasattr(layer, "layers") else [layer])
    ]


def _freeze(tail: Any) -> None:
    for layer in _layers_of(tail):
        layer.trainable = False


def _unfreeze(tail: Any) -> None:
    """Let all be trained but what a normalisation has measured, on more photos than there are here."""
    import keras

    for layer in _layers_of(tail):
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)


def _goes_negative(model: keras.Model, seen: np.ndarray) -> bool:
    return bool(model.predict_on_batch(seen.astype(np.float32)).min() < LOWEST)


def _pooled(features: Any, mean: bool) -> Any:
    """Pool as an encoder does: by the generalised mean, or by the mean."""
    import keras

    if mean:
        return keras.layers.GlobalAveragePooling2D()(features)
    cubes = keras.ops.mean(keras.ops.maximum(features, 1e-6) ** 3, axis=(1, 2))
    return cubes ** (1 / 3)


def _judged(features: Any, count: int, mean: bool) -> Any:
    """Add a cosine classifier."""
    import keras

    unit = keras.layers.UnitNormalization()(_pooled(features, mean))
    cosines = keras.layers.Dense(count, use_bias=False, kernel_constraint=keras.constraints.UnitNorm(axis=0))
    return _SCALE * cosines(unit)


def _balance(norm: Any, features: keras.Model, seen: np.ndarray, mean: bool) -> None:
    """Give the new features their share of an embedding, by what the norm before the ReLU multiplies with."""
    import keras

    pooled = keras.Model(features.input, [_pooled(one, mean) for one in features.outputs])
    lengths = np.concatenate(
        [
            [np.linalg.norm(one, axis=1) for one in pooled.predict_on_batch(batch.astype(np.float32))]
            for batch in np.array_split(seen, -(-len(seen) // _BATCH))
        ],
        axis=1,
    )
    old, new = np.median(lengths, axis=1)
    factor = _SHARE * old / max(new, np.finfo(np.float32).tiny)
    gamma, beta, *measured = norm.get_weights()
    norm.set_weights([gamma * factor, beta * factor, *measured])


class _Fit:
    """Training of one model, in turns that share their best weights and their history."""

    def __init__(
        self,
        model: keras.Model,
        seen: np.ndarray,
        kinds: np.ndarray,
        learning: np.ndarray,
        validating: np.ndarray,
        task: Task,
        tell: Tell,
    ) -> None:
        self._model = model
        self._seen, self._kinds = seen, kinds
        self._learning, self._validating = learning, validating
        self._random = np.random.default_rng(task.seed)
        self._epochs, self._tell = task.epochs, tell
        self.best = Best(_PATIENCE)
        self.history: list[dict[str, float]] = []

    def run(self, until: int, rate: float) -> None:
        """Train up to an epoch, unless it is time to stop before."""
        import keras

        steps = -(-len(self._learning) // _BATCH)
        left = until - len(self.history)
        if left <= 0:
            return
        self._model.compile(
            keras.optimizers.AdamW(
                keras.optimizers.schedules.CosineDecay(rate, steps * left), weight_decay=1e-3
            )
        )
        self._step = _step(self._model)
        for _ in range(left):
            if not self._epoch():
                break

    def _epoch(self) -> bool:
        started = time.monotonic()
        order = self._random.permutation(self._learning)
        views = self._random.integers(len(self._seen), size=len(order))
        learnt = self._pass(order, views, training=True)
        tried = self._pass(self._validating, np.zeros(len(self._validating), dtype=int), training=False)
        number = len(self.history) + 1
        entry = {
            "epoch": number,
            "loss": learnt[0],
            "accuracy": learnt[1],
            "val_loss": tried[0],
            "val_accuracy": tried[1],
            "seconds": time.monotonic() - started,
        }
        self.history.append(entry)
        left = entry["seconds"] * (self._epochs - number)
        self._tell(doing="training", done=number, total=self._epochs, seconds_left=left, **entry)
        return self.best.see(number, tried[0], self._model)

    def _pass(self, photos: np.ndarray, views: np.ndarray, training: bool) -> tuple[float, float]:
        """Go through photos once; return the mean loss and how many were right."""
        results = []
        for first in range(0, len(photos), _BATCH):
            here = photos[first : first + _BATCH]
            batch = self._seen[views[first : first + _BATCH], here].astype(np.float32)
            results.append(np.array(self._step(batch, self._kinds[here], training=training)) * len(here))
        loss, right = (np.sum(results, axis=0) / len(photos)).tolist()
        return loss, right


def _step(model: keras.Model) -> Callable[..., Any]:
    """Return what learns from a batch, or only tries it: its loss, and the share that was right."""
    import keras
    import tensorflow as tf

    loss_of = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=_SMOOTHING)

    def measured(batch: Any, kinds: Any, training: bool) -> tuple[Any, Any]:
        judged = keras.tree.flatten(model(batch, training=training))
        truth = tf.one_hot(kinds, judged[0].shape[-1])
        loss = sum(loss_of(truth, one) for one in judged) / len(judged)
        right = tf.reduce_mean(tf.cast(tf.argmax(judged[0], -1) == kinds, tf.float32))
        return loss, right

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(batch: Any, kinds: Any, *, training: bool) -> tuple[Any, Any]:
        if not training:
            return measured(batch, kinds, False)
        with tf.GradientTape() as tape:
            loss, right = measured(batch, kinds, True)
        weights = model.trainable_variables
        gradients = tape.gradient(loss, [weight.value for weight in weights])
        model.optimizer.apply(gradients, weights)
        return loss, right

    return step  # type: ignore[no-any-return]


def main() -> None:
    """Train what a folder says."""
    folder = Path(sys.argv[1])
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    reply = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # TensorFlow prints

    def tell(**told: Any) -> None:
        print(json.dumps(told), file=reply, flush=True)

    try:
        with derived.scratch(folder.parent):
            _train(folder, tell)
    except WriteError as error:
        tell(path=str(error.path), reason=error.reason, remedy=error.remedy)
        sys.exit(str(error))


def _train(folder: Path, tell: Tell) -> None:
    tell(doing="starting TensorFlow", done=0, total=0, seconds_left=None)
    task = Task(**json.loads((folder / "task.json").read_text()))
    pictures = np.load(folder / "pictures.npy", mmap_mode="r")
    trained = train(task, pictures, folder, tell)
    trained.model.save(folder / "network.keras")
    digest = hashlib.sha256()
    for weight in trained.model.get_weights():
        digest.update(weight.tobytes())
    facts = {"photos": trained.photos, "history": trained.history, "best": trained.best}
    (folder / "result.json").write_text(json.dumps({**facts, "digest": digest.hexdigest()}))


def _end_with_parent(folder: Path) -> None:
    while os.read(0, 1 << 10):  # not sys.stdin, which Python locks when it ends
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main()
