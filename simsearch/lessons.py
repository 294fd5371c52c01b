"""What a library has learnt from its photos, when it is due again, and where the kinds come from.

photos    the main directions of the library, by itself, and again whenever it has doubled
folders   besides, what tells folders (or labels) apart, when the user says so, and again when it has grown
off       nothing
"""

from __future__ import annotations

import csv
import io
import json
import logging
import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from simsearch import learning, space
from simsearch.errors import FolderError, LearningError
from simsearch.filters import below
from simsearch.folders import absolute_path
from simsearch.learning import SMALLEST_KIND, Gain, Quality
from simsearch.remote import path_of
from simsearch.space import Space, Spread
from simsearch.store import Store
from simsearch.vectors import SPACE, sound_embeddings

_MOST_SEEN = 50_000  # photos: their main directions are those of any more
_MOST_LABELLED = 20_000  # photos: 100 MB as float32
_MOST_STRANGERS = 4_000  # photos of no kind that searches are tried among: 20 MB
_GROWN = 2  # times as many photos: what was learnt from fewer is out of date
_GROWN_KINDS = 1.5  # for what tells kinds apart, which makes more of what there is
_SETTING = "learnt"
_NAMED = "labelled folders"  # where these are, and the photos in them that were to have no label
Progress = Callable[[str, int, int], None]
_log = logging.getLogger("simsearch")


def last(store: Store) -> dict[str, Any]:
    """Return the last lesson: ``lesson`` ("photos", "folders" or "off"), and how it went.

    Those that were learnt have ``photos``, from how many, and ``at``, when; folders have ``kinds``, their
    names, and ``gain`` as well, ``labels``, whether they were labels, ``under``, the folder that they are
    below or None, and ``library``, how many photos that had then. Where ``alike`` is not 0, so many photos
    did not differ, so that nothing could be learnt from them.
    """
    told = store.setting(_SETTING)
    return {"lesson": "photos", "photos": 0} if told is None else dict(json.loads(told))


def keep_up(store: Store, dim: int) -> None:
    """Learn from the photos where that is due: when there are enough, and again when they have doubled.

    What tells kinds apart is learnt anew when there are half as many photos again. Photos that came to a
    folder that was named get its label.
    """
    _label_newcomers(store)
    lesson, count = last(store), store.counts()["photos"]
    if lesson["lesson"] == "folders" and count >= _GROWN_KINDS * lesson.get("library", lesson["photos"]):
        _learn_kinds_anew(store, dim, lesson, "the library has grown")
        return
    due = count >= max(space.PCA_FROM, _GROWN * max(lesson["photos"], lesson.get("alike", 0)))
    if lesson["lesson"] == "photos" and due:
        try:
            learn_photos(store, dim)
        except LearningError:  # they are all alike; they may not be when there are more
            _keep(store, Space(), "photos", alike=count)


def _label_newcomers(store: Store) -> None:
    named = json.loads(store.setting(_NAMED) or "{}")
    if not named:
        return
    known = {*store.labels(), *named.get("bare", ())}
    kinds = _kinds_in(store, named["folders"])
    if new := {photo_id: kind for photo_id, kind in kinds.items() if photo_id not in known}:
        with store.transaction():
            store.add_labels(new)


def _kinds_in(store: Store, folders: Mapping[Any, str]) -> dict[int, str]:
    try:
        return kinds_of_names(store, folders)[0]
    except (FolderError, LearningError):  # nothing of these folders is there any more
        return {}


def set_labels(store: Store, kinds: dict[int, str], folders: Mapping[str, str]) -> None:
    """Say what photos are of, and will be that come to some folders (inside a transaction)."""
    store.set_labels(kinds)
    named: dict[str, Any] = {}
    if folders:
        named = {"folders": dict(folders), "bare": sorted(_kinds_in(store, folders).keys() - kinds.keys())}
    store.set_setting(_NAMED, json.dumps(named))


def _learn_kinds_anew(store: Store, dim: int, lesson: dict[str, Any], because: str) -> None:
    """Learn the same kinds from the library as it is now, or its main directions where that fails."""
    under = path_of(lesson["under"]) if lesson.get("under") else None
    try:
        if lesson["labels"]:
            kinds = store.labels()
        else:
            kinds = kinds_of_folders(store, under)
        learn_kinds(store, dim, kinds, force=False, labels=lesson["labels"], under=under, anew=True)
    except (FolderError, LearningError) as error:
        which = (
            " --labels FILE" if lesson["labels"] else f" --under {shlex.quote(str(under))}" if under else ""
        )
        _log.warning(
            "%s: %s, and what told its %s apart cannot be learnt anew (%s); "
            "it is searched without; to learn it all the same, run: simsearch learn folders%s --force",
            store.path,
            because,
            "labels" if lesson["labels"] else "folders",
            error.reason,
            which,
        )
        try:
            learn_photos(store, dim)
        except LearningError:
            _keep(store, Space(), "photos", alike=store.counts()["photos"])


def learn_photos(store: Store, dim: int, progress: Progress = lambda *_: None) -> None:
    """Learn the mean and the main directions of the library, or nothing yet where it is too small for that.

    Parameters
    ----------
    progress
        As for :func:`learn_kinds`.

    Raises
    ------
    LearningError
        When the photos do not differ.
    """
    progress("reading embeddings", 0, 0)
    count = store.counts()["photos"]
    enough = count >= space.PCA_FROM
    learnt = space.pca(_spread(store, dim)) if enough else Space()
    progress("making the index anew", 0, 0)
    _keep(store, learnt, "photos", photos=count if enough else 0)


def learn_nothing(store: Store) -> None:
    """Forget what was learnt, and learn nothing any more."""
    _keep(store, Space(), "off")


def start_anew(store: Store, dim: int) -> dict[str, Any]:
    """Drop what was learnt, and learn from the photos where that may be; return what the lesson was."""
    was = last(store)
    _keep(store, Space(), "off" if was["lesson"] == "off" else "photos")
    keep_up(store, dim)
    return was


def learn_from_others(store: Store, dim: int) -> None:
    """Repeat the last lesson with the embeddings of another network, which have taken the old ones' place."""
    was = start_anew(store, dim)
    if was["lesson"] == "folders":
        _learn_kinds_anew(store, dim, was, "it has embeddings of another network now")


def learn_kinds(
    store: Store,
    dim: int,
    kinds: dict[int, str],
    *,
    force: bool,
    labels: bool,
    folders: Mapping[str, str] = MappingProxyType({}),
    under: Path | None = None,
    anew: bool = False,
    progress: Progress = lambda *_: None,
) -> list[str]:
    """Learn what tells kinds of photos apart; search is left as it is where it would be worse.

    Parameters
    ----------
    kinds
        Names by photo ids.
    force
        Whether to search in the new space even if it is worse.
    labels
        Whether the kinds are labels, which are kept in place of those there were.
    folders
        The labels of those that come to some folders.
    under
        The folder whose folders the kinds are, where that is not all.
    anew
        Whether the kinds are the ones it learnt before: labels then stay as they are.
    progress
        Called with what is being done, and how much of that is done and to do. What it raises ends it all,
        and nothing has changed then.

    Returns
    -------
    The kinds of too few photos to learn from.

    Raises
    ------
    LearningError
        When there are fewer than two kinds of a few photos, or they do not differ, or search would be worse.
    """
    progress("reading embeddings", 0, 0)
    wanted = np.concatenate(
        [chosen(kinds, _MOST_LABELLED), _some(np.setdiff1d(list(store.folders()), list(kinds)))]
    )
    ids, embeddings = embeddings_of(store, dim, wanted)
    sizes = Counter(kinds[photo_id] for photo_id in ids.tolist() if photo_id in kinds)
    names = _large(sizes)
    if len(names) < 2:
        which = "label" if labels else "folder"
        reason = f"{('no', 'one')[len(names)]} {which} has {SMALLEST_KIND} photos or more, and it takes two"
        raise LearningError(reason, f"give another {which} as many")
    numbers = {name: number for number, name in enumerate(names)}
    found = np.array([numbers.get(kinds.get(photo_id, ""), -1) for photo_id in ids.tolist()], dtype=np.int64)
    used = np.sort(np.concatenate([np.flatnonzero(found >= 0), _some(np.flatnonzero(found < 0))]))
    learnt, gain = learning.learn(
        _spread(store, dim),
        embeddings[used],
        found[used],
        lambda done, total: progress("trying it on photos held out", done, total),
    )
    told = _plain(gain)
    if gain.is_loss and not force:
        reason = f"search would be worse ({_told(gain)})"
        raise LearningError(reason, "use --force to have it all the same", told)
    progress("making the index anew", 0, 0)
    facts = {"photos": int((found >= 0).sum()), "kinds": names, "labels": labels, "gain": told}
    with store.transaction():
        if labels and not anew:  # others are the user's own words, and stay
            set_labels(store, kinds, folders)
        _write(
            store, learnt, "folders", **facts, library=store.counts()["photos"], under=under and str(under)
        )
    return sorted({*kinds.values()}.difference(names))


def kinds_of_folders(store: Store, under: Path | None) -> dict[int, str]:
    """Return the folder that each photo lies in, by photo ids; of all photos, or of those below a folder.

    Raises
    ------
    FolderError
        When the library knows nothing below it.
    """
    kinds = store.folders()
    if under is None:
        return kinds
    where = below(under, store.roots())
    if not store.knows(*where):
        raise FolderError(under, "nothing of it is in the library", "check the spelling")
    here = set(store.select(*where).tolist())
    return {photo_id: kind for photo_id, kind in kinds.items() if photo_id in here}


def sizes(kinds: dict[int, str]) -> tuple[dict[str, int], list[str]]:
    """Return how many photos there are of each kind, the largest first, and the kinds that are too small."""
    counted = Counter(kinds.values())
    return dict(counted.most_common()), sorted({*counted}.difference(_large(counted)))


def kinds_of_names(
    store: Store, names: Mapping[int | str | PathLike[str], str]
) -> tuple[dict[int, str], list[str], dict[str, str]]:
    """Return what photos are of, where somebody named photos, by id or path, and folders.

    A folder stands for all photos below it, but for those that are named themselves or are in a folder
    inside it that is. Who has no name, or an empty one, is of no kind.

    Returns
    -------
    Labels by photo ids, the ids and paths that are not in the library, and the labels of the folders.

    Raises
    ------
    FolderError
        When something cannot be a path.
    LearningError
        When nothing of it is in the library.
    """
    there = set(store.folders())
    photos: dict[int, str] = {}
    folders: dict[Path, str] = {}
    unknown = []
    for named, kind in names.items():
        path = None if isinstance(named, int) else absolute_path(named)
        photo_id = named if path is None else store.id_of(path)
        if photo_id in there:
            photos[photo_id] = kind.strip()
        elif path is not None and _is_known(store, path):
            folders[path] = kind.strip()
        else:
            unknown.append(str(named))
    kinds: dict[int, str] = {}
    for folder in sorted(folders):  # one comes before those inside it
        kinds |= dict.fromkeys(store.select(*below(folder, store.roots())).tolist(), folders[folder])
    named_kinds = {photo_id: kind for photo_id, kind in (kinds | photos).items() if kind}
    if not named_kinds:
        raise LearningError("no photo of the library is named", "name a few photos or folders of each kind")
    return named_kinds, unknown, {str(folder): kind for folder, kind in folders.items()}


def _is_known(store: Store, folder: Path) -> bool:
    try:
        return store.knows(*below(folder, store.roots()))
    except FolderError:
        return False


def kinds_of_labels(store: Store, source: Path | bytes) -> tuple[dict[int, str], list[str]]:
    """Read what photos are of from a CSV file, or what is in one: in each line a path and a label.

    Paths are absolute, or below the file's folder or an indexed one. A first line that is "path,label" is
    no photo, and what follows the label is not read. Commas, semicolons or tabs part them, as spreadsheets
    of all countries write: whatever tells of the most photos.

    Returns
    -------
    Labels by photo ids, and the paths that are not in the library.

    Raises
    ------
    FolderError
        When the file cannot be read.
    LearningError
        When it names no photo of the library.
    """
    name = source if isinstance(source, Path) else "the list"
    starts = [*([source.parent] if isinstance(source, Path) else []), *(root.path for root in store.roots())]
    text = _text_of(source, name)
    read = [_read_labels(store, starts, _rows(text, name, separator)) for separator in ",;\t"]
    kinds, unknown = max(read, key=lambda one: (len(one[0]), len(one[1]) if not one[0] else 0))
    if not kinds:
        holds = f"none of the {len(unknown):,} paths in {name} is in the library"
        reason = holds if unknown else f"{name} holds no labels"
        raise LearningError(
            reason, "give one path and one label a line, parted by a comma, a semicolon or a tab"
        )
    return kinds, unknown


def _read_labels(store: Store, starts: list[Path], rows: list[list[str]]) -> tuple[dict[int, str], list[str]]:
    kinds, unknown = {}, []
    for row in rows:
        photo_id = _photo(store, starts, row[0])
        if photo_id is None:
            unknown.append(row[0])
        else:
            kinds[photo_id] = row[1].strip()
    return kinds, unknown


def _large(sizes: Mapping[str, int]) -> list[str]:
    return sorted(name for name, size in sizes.items() if size >= SMALLEST_KIND)


def _text_of(source: Path | bytes, name: str | Path) -> str:
    try:
        return (source if isinstance(source, bytes) else source.read_bytes()).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise _unread(name, error) from error


def _unread(name: str | Path, error: Exception) -> FolderError:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    reason = "not in UTF-8" if isinstance(error, UnicodeError) else reason.lower()
    return FolderError(name, f"cannot be read ({reason})", "give a CSV file in UTF-8")


def _rows(text: str, name: str | Path, separator: str) -> list[list[str]]:
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        rows = [row for row in lines if len(row) > 1 and row[1].strip()]
    except csv.Error as error:
        raise _unread(name, error) from error
    return rows[1:] if rows and [cell.strip().lower() for cell in rows[0][:2]] == ["path", "label"] else rows


def _photo(store: Store, starts: list[Path], name: str) -> int | None:
    for start in starts:
        with suppress(FolderError, OSError, ValueError):  # too long for a path, or with a NUL: it is none
            if (photo_id := store.id_of(absolute_path(start / name))) is not None:
                return photo_id
    return None


def chosen(kinds: dict[int, str], at_most: int) -> np.ndarray:
    """Return the photos, (n,) int64, ascending, or some where they are too many, less of the large kinds."""
    by_kind: dict[str, list[int]] = {}
    for photo_id, kind in sorted(kinds.items()):
        by_kind.setdefault(kind, []).append(photo_id)
    sizes = np.array([len(photos) for photos in by_kind.values()], dtype=np.int64)
    most = int(sizes.max(initial=0))
    while np.minimum(sizes, most).sum() > at_most and most > SMALLEST_KIND:
        most -= -(-most // 10)
    random = np.random.default_rng(0)
    drawn = [random.permutation(photos)[: max(most, SMALLEST_KIND)] for photos in by_kind.values()]
    return np.sort(np.concatenate([*drawn, np.empty(0, dtype=np.int64)]))


def _some(photos: np.ndarray) -> np.ndarray:
    """Return the photos, or some where they are too many, (m,) int64, evenly drawn."""
    return photos[:: len(photos) // _MOST_STRANGERS + 1]


def embeddings_of(store: Store, dim: int, photos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which of some photos, (n,) int64, have an embedding, and the embeddings, (m, dim) float32."""
    blocks = [
        (ids[here], embeddings[here])
        for ids, embeddings in sound_embeddings(store, dim)
        if (here := np.isin(ids, photos)).any()
    ]
    if not blocks:
        return photos[:0], np.empty((0, dim), dtype=np.float32)
    ids, embeddings = zip(*blocks, strict=True)
    return np.concatenate(ids), np.concatenate(embeddings)


def _spread(store: Store, dim: int) -> Spread:
    step = store.counts()["photos"] // _MOST_SEEN + 1
    return Spread(embeddings[::step] for _, embeddings in sound_embeddings(store, dim))


def _keep(store: Store, learnt: Space, lesson: str, **told: Any) -> None:
    with store.transaction():
        _write(store, learnt, lesson, **told)


def _write(store: Store, learnt: Space, lesson: str, **told: Any) -> None:
    at = datetime.now().astimezone().isoformat(timespec="seconds")
    store.set_learnt(SPACE, None if learnt.kind == "identity" else learnt.to_bytes())
    store.set_setting(SPACE, learnt.mark)
    store.set_setting(_SETTING, json.dumps({"lesson": lesson, "photos": 0, **told, "at": at}))


def note_gain(store: Store, before: dict[str, float], after: dict[str, float], asked: int) -> None:
    """Tell another gain of the last lesson: of a network that has seen the photos, its own says nothing."""
    gain = Gain(Quality(**before), Quality(**after), None, None, asked, 0)
    with store.transaction():
        store.set_setting(_SETTING, json.dumps({**last(store), "gain": _plain(gain)}))


def _plain(gain: Gain) -> dict[str, Any]:
    """Return it as JSON can hold it."""
    return {
        name: value._asdict() if isinstance(value, Quality) else value
        for name, value in gain._asdict().items()
    }


def _told(gain: Gain) -> str:
    text = _pair(gain.before, gain.after)
    if gain.others_before and gain.others_after:
        text += f"; of kinds it was not told, {_pair(gain.others_before, gain.others_after)}"
    return text


def _pair(was: Quality, now: Quality) -> str:
    first, very_first = "of the first 15 are of the photo's kind", "of the very first"
    return (
        f"{now.precision_at_15:.1%} {first}, {was.precision_at_15:.1%} before, "
        f"and {now.precision_at_1:.1%} {very_first}, {was.precision_at_1:.1%} before"
    )
