"""From pixels to an embedding: which network is asked for, where it is kept, and how it comes to be there.

A network is converted to LiteRT once in a machine's life, and kept. That needs TensorFlow, seconds to minutes
and gigabytes, which a process of its own (:mod:`simsearch.conversion`) gives back at its end; finding and
running what is kept needs none of that.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from simsearch import derived, program
from simsearch.backbones import BACKBONES, EMBEDDED, Backbone, backbone, fetched, weights_path
from simsearch.errors import BackboneError, DerivedFileError, WriteError, reason_of
from simsearch.litert import PIXELS, PRECISION, PREPROCESSING, EncoderIdentity, LiteRTEncoder

__all__ = [
    "PRECISION",
    "PREPROCESSING",
    "Encoder",
    "EncoderIdentity",
    "LiteRTEncoder",
    "cache_folder",
    "keep_network",
    "list_backbones",
    "load_encoder",
    "network_path",
    "open_encoder",
    "stored_encoder",
]

Say = Callable[[str], None]

_KIND = "network"
_CUSTOM = (".keras", ".tflite")
_LARGE = 20_000_000  # parameters; converting takes minutes


class Encoder(Protocol):
    """What turns pixels into embeddings; a library takes any object like this.

    Attributes
    ----------
    identity
        What an embedding of it must not be mixed with another's for.
    recipe
        Function ("module:name") and arguments by which another process makes the same encoder.
    input_size
        Width and height of the pictures it takes.
    dim
        Length of an embedding.
    """

    identity: EncoderIdentity
    recipe: tuple[str, list[str]]
    input_size: int
    dim: int

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Turn a picture into its embedding.

        Parameters
        ----------
        pixels
            (input_size, input_size, 3) uint8, RGB; see :func:`simsearch.pixels.letterbox`.

        Returns
        -------
        (dim,) float32 of length 1.

        Raises
        ------
        ValueError
            When it sees nothing in the picture.
        """

    def cells(self, pixels: np.ndarray) -> np.ndarray:
        """Return what it sees in each cell of a picture, before that is made into one embedding.

        Parameters
        ----------
        pixels
            As for :meth:`encode`.

        Returns
        -------
        (rows, columns, dim) float32, the rows from the top; of any scale, but one for the whole picture.
        """


class Source(NamedTuple):
    """What a network is made of.

    Attributes
    ----------
    name
        What its identity calls it.
    row
        Of the table; None for a file of the user's own.
    file
        The user's: a whole network, or weights for the row's. None for the published weights.
    sha256
        Of the weights; None where that is known only when they have been fetched.
    pixels
        What pixels are made into for it; "" for what is usual.
    """

    name: str
    row: Backbone | None
    file: Path | None
    sha256: str | None
    pixels: str

    @property
    def published(self) -> str | None:
        """What tells the published weights from others, in the files made of them."""
        return _published(self.row) if self.row and not self.file else None


def _published(row: Backbone) -> str:
    return row.hash or row.file


def open_encoder(
    name: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    pixels: str | None = None,
    say: Say | None = None,
) -> LiteRTEncoder:
    """Load a backbone's encoder; build and keep it where this machine has none yet, or a damaged one.

    Parameters
    ----------
    name
        Of a network in the table, or the path of a .keras or .tflite file.
    weights
        A file of weights for one of Keras' networks, in place of those Keras fetches.
    pixels
        "0..255", "0..1" or "-1..1": what a network of your own was trained on.
    say
        Called with a sentence before something that takes a while, or that should be known.

    Raises
    ------
    BackboneError
        When there is no such backbone, or it cannot be built.
    WriteError
        When it cannot be kept.
    """
    tell = say or (lambda sentence: None)
    source = asked_for(os.fspath(name), weights, pixels)
    for path in _kept(source):
        encoder = _loaded(path, lambda damage: tell(f"{damage}; it is made anew."))
        if encoder and _fits(encoder, source):
            for sentence in derived.header(path, _KIND).get("warnings", []):
                tell(sentence)
            return encoder
        if encoder and source.row and source.row.package:
            tell(f"{path}: holds {encoder.identity}; it is made anew.")
    return load_encoder(_prepare(source, tell))


def stored_encoder(identity: EncoderIdentity, folder: Path, *, say: Say | None = None) -> LiteRTEncoder:
    """Load the encoder of that identity, from a folder, else from this machine's, else made anew.

    Raises
    ------
    BackboneError
        When it is sound in neither, and was not made of weights that are known to be here or published.
    WriteError
        When it was made anew and cannot be kept.
    """
    tell, name = say or (lambda sentence: None), network_path(identity).name
    damages: list[str] = []
    for path in (folder / name, cache_folder() / name):
        encoder = _loaded(path, damages.append)
        if encoder and encoder.identity == identity:
            return encoder
    row = BACKBONES.get(identity.backbone)
    made_anew = row is not None and _can_be_had(row, identity.weights)
    for damage in damages:
        tell(f"{damage}; it is made anew." if made_anew else f"{damage}.")
    if row is None or not made_anew:
        raise _not_here(identity)
    weights = identity.weights if row.package else None  # of what Keras fetches it is looked at
    encoder = load_encoder(_prepare(Source(row.name, row, None, weights, ""), tell, identity))
    if encoder.identity != identity:  # fetched anew, or pooled otherwise by another version
        raise _not_here(identity)
    return encoder


def _can_be_had(row: Backbone, sha256: str) -> bool:
    """Whether weights are those that a package has or Keras has fetched, or are known to be the published.

    Of most Keras publishes no SHA-256; to fetch them only to see that they are others would be in vain.
    """
    if row.package or len(row.hash) == len(sha256):
        return row.hash == sha256
    file = fetched(row)
    return file is not None and weights_sha256(row.name, file, "make it readable") == sha256


def _not_here(identity: EncoderIdentity) -> BackboneError:
    row = BACKBONES.get(identity.backbone)
    reason = f"its network, made of the file with SHA-256 {identity.weights}, is not here any more"
    remedy = "give that file: simsearch index --backbone FILE"
    if row and row.package:  # there is no way to give that
        remedy = "have another serve: simsearch index --backbone NAME"
    elif row:
        option = f"simsearch index --backbone {row.name} --weights FILE"
        remedy = f"give that file, which may be the published one, {row.url}: {option}"
    return BackboneError(identity.backbone, reason, remedy)


def keep_network(encoder: Encoder, folder: Path) -> None:
    """Copy an encoder's network into a folder, unless a package or Keras' download can bring it back.

    There is nothing to copy of an encoder that is no converted network.

    Raises
    ------
    WriteError
        When it cannot be written.
    """
    if not isinstance(encoder, LiteRTEncoder):
        return
    path = Path(encoder.recipe[1][0])
    if encoder.published or encoder.identity.backbone in EMBEDDED or path.parent == folder.absolute():
        return
    kept = folder / path.name
    with suppress(FileNotFoundError, DerivedFileError):
        derived.load(kept, _KIND)
        return
    derived.write_atomically(kept, path.read_bytes())


def load_encoder(path: str | os.PathLike[str]) -> LiteRTEncoder:
    """Load an encoder from the file that :func:`open_encoder` keeps.

    Raises
    ------
    FileNotFoundError
        When there is none.
    DerivedFileError
        When it is damaged.
    """
    path = Path(path).absolute()
    header, model = derived.load(path, _KIND)
    recipe = ("simsearch.encoder:load_encoder", [str(path)])
    try:
        published = header.pop("published", None)
        header.pop("warnings", None)
        identity = EncoderIdentity.from_json(json.dumps(header))
        return LiteRTEncoder(bytes(model), identity, recipe, published)
    except (AttributeError, IndexError, RuntimeError, ValueError) as error:
        raise DerivedFileError(path, f"LiteRT cannot use it ({error})") from error


def _loaded(path: Path, tell: Say) -> LiteRTEncoder | None:
    """Load what is kept; where it is damaged, tell how, which is no whole sentence yet."""
    try:
        return load_encoder(path)
    except FileNotFoundError:
        return None
    except DerivedFileError as error:
        tell(f"{path}: {error.reason}")
        return None


def network_path(identity: EncoderIdentity, folder: Path | None = None) -> Path:
    """Return where the converted network of an identity is kept: in a folder if it is there, else here."""
    name = f"{identity.backbone}-{identity.precision}-{identity.weights[:8]}-{identity.preprocessing}.network"
    own = folder / name if folder else None
    return own if own and own.exists() else cache_folder() / name


def cache_folder() -> Path:
    """Return the folder of the converted networks: $SIMSEARCH_CACHE, or the system's place for such files."""
    if chosen := os.environ.get("SIMSEARCH_CACHE"):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("simsearch", appauthor=False)


# What is asked for


def is_file_name(name: str) -> bool:
    """Whether a backbone is named by a file of the user's own."""
    return Path(name).suffix.lower() in _CUSTOM


def asked_for(name: str, weights: str | os.PathLike[str] | None, pixels: str | None) -> Source:
    """Return what :func:`open_encoder` is asked for; raise BackboneError where it is asked amiss."""
    if pixels is not None and pixels not in PIXELS:
        raise BackboneError(name, f"pixels {pixels} are not known", f"choose one of {', '.join(PIXELS)}")
    if is_file_name(name):
        path = Path(name).expanduser().absolute()
        if path.stem.lower() in {known.lower() for known in BACKBONES}:
            raise BackboneError(path.name, f"{path.stem} is the name of another network", "rename the file")
        if weights is not None:
            raise BackboneError(path.name, "the file holds its own weights", "leave --weights out")
        return Source(
            path.stem, None, path, weights_sha256(path.stem, path, "check the spelling"), pixels or ""
        )
    row = backbone(name)
    if pixels is not None:
        raise BackboneError(row.name, "scales pixels as it was trained", "leave --pixels out")
    if weights is None:
        return Source(row.name, row, None, row.hash if row.package else None, "")
    path = Path(weights).expanduser().absolute()
    if row.package:
        raise BackboneError(row.name, "comes with its weights", "leave --weights out")
    if is_file_name(path.name):
        reason = f"{path} is a whole network, not weights for this one"
        raise BackboneError(row.name, reason, f"give it as the network: --backbone {path.name}")
    remedy = "check the spelling of --weights"
    return Source(row.name, row, path, weights_sha256(row.name, path, remedy), "")


def weights_sha256(name: str, path: Path, remedy: str) -> str:
    """Return the SHA-256 of a file, in hex; raise BackboneError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BackboneError(name, f"{path} cannot be read ({reason_of(error)})", remedy) from error


def _kept(source: Source) -> Iterator[Path]:
    """Yield the files that may hold a network made of that."""
    if source.row and source.row.package:
        yield network_path(EncoderIdentity(source.row.name, source.row.hash))
        return
    weights = f"{source.sha256[:8]}-" if source.sha256 else ""
    with suppress(OSError):
        for path in sorted(cache_folder().iterdir()):
            if (
                path.suffix == f".{_KIND}"
                and path.name.startswith(f"{source.name}-")
                and weights in path.name
            ):
                yield path


def _fits(encoder: LiteRTEncoder, source: Source) -> bool:
    identity = encoder.identity
    if identity.backbone != source.name:
        return False
    if source.sha256 is None:
        return encoder.published == source.published
    ranged = next(
        (range for range, mark in PIXELS.items() if mark and f"{mark}-" in identity.preprocessing), ""
    )
    return identity.weights == source.sha256 and (ranged or "0..255") == (source.pixels or "0..255")


# Making one


def _prepare(source: Source, tell: Say, identity: EncoderIdentity | None = None) -> Path:
    """Convert a network and keep it; of an identity, where that is to come back.

    Returns
    -------
    Where it is kept.
    """
    folder = cache_folder()
    try:
        derived.make_folder(folder)  # where this fails, better before the wait than after it
        tell(_announcement(source, folder))
        header, model = _converted(source, identity)
        marks = {mark: header.pop(mark) for mark in ("published", "warnings") if header.get(mark)}
        for sentence in marks.get("warnings", []):
            tell(sentence)
        if source.row:  # of a network of the user's own they are told whenever it is asked for
            marks.pop("warnings", None)
        made = EncoderIdentity(**{field: header[field] for field in EncoderIdentity._fields})
        path = network_path(made)
        derived.save(path, _KIND, made._asdict() | marks, model)
    except WriteError as error:
        remedy = f"{error.remedy}, or set SIMSEARCH_CACHE to another folder"
        raise WriteError(error.path, error.reason, remedy) from error
    return path


def _announcement(source: Source, folder: Path) -> str:
    row = source.row
    if source.file and source.file.suffix.lower() == ".tflite":
        return f"Preparing {source.name} (once, some seconds): tried on pictures, kept in {folder}."
    took = "about 20 s" if row and row.package else "a minute"
    if row and row.parameters > _LARGE:
        took = "some minutes"
    fetch = ""
    if row and row.url and not source.file and not fetched(row):
        fetch = f"fetched from {row.url} ({row.size / 1e6:,.0f} MB), "
    deeds = f"{fetch}built in Keras, converted to LiteRT, kept in {folder}"
    return f"Preparing {source.name} (once, {took}): {deeds}."


def _converted(source: Source, identity: EncoderIdentity | None = None) -> tuple[dict[str, Any], bytes]:
    """Convert a network in a process of its own; return what is known of it, and the network."""
    import subprocess

    if source.row and source.row.package:
        weights_path(source.row)  # its errors tell more than a child's
    settings = {
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",  # the same network on every machine, with or without a GPU
        "TF_CPP_MIN_LOG_LEVEL": "2",  # errors
    }
    request = {
        "name": source.name,
        "file": str(source.file) if source.file else None,
        "sha256": source.sha256,
        "pixels": source.pixels,
        "precision": identity.precision if identity else None,
    }
    # On a terminal it shows Keras' progress in fetching weights, and nothing else.
    watched = sys.stderr is not None and sys.stderr.isatty()
    child = subprocess.run(
        program.command("conversion", json.dumps(request)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if watched else subprocess.DEVNULL,
        env=program.environment(**settings),
    )
    line, _, model = child.stdout.partition(b"\n")
    if child.returncode or not line:
        raise BackboneError(source.name, *_ending(source, child.returncode))
    reply = json.loads(line)
    if "reason" in reply:
        raise BackboneError(source.name, reply["reason"], reply["remedy"])
    return reply, model


def _ending(source: Source, code: int) -> tuple[str, str]:
    """Say how a conversion ended that could not say it itself, and what to do about it."""
    if code in (-signal.SIGKILL, -signal.SIGABRT):
        reason = "converting it was stopped by the system, perhaps for want of memory"
        return reason, "close other programs and try again, or choose a smaller network"
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return f"building it failed with {how}", "check that tensorflow can be imported, and try again"


# What there is


def list_backbones() -> list[dict[str, Any]]:
    """Return the table of networks as ``simsearch backbones --json`` prints it, one dict each.

    ``here`` is "converted", "fetched" or "installed", or None where its weights would have to be fetched;
    ``bytes`` is about the size of the file of weights.
    """
    made = _made_here()
    return [
        {
            "name": row.name,
            "input_size": row.input_size,
            "width": row.width,
            "parameters": row.parameters,
            "top1": row.top1,
            "bytes": row.size,
            "here": "converted"
            if (row.name, row.hash if row.package else _published(row)) in made
            else ("installed" if row.package else "fetched" if fetched(row) else None),
            "url": row.url or None,
            "file": row.file if row.url else None,
        }
        for row in BACKBONES.values()
    ]


def _made_here() -> set[tuple[str, str]]:
    """Return the published networks that are kept here, by their name and what tells their weights."""
    found = set()
    with suppress(OSError):
        for path in cache_folder().glob(f"*.{_KIND}"):
            with suppress(DerivedFileError, FileNotFoundError):
                header = derived.header(path, _KIND)
                name, weights = str(header.get("backbone")), str(header.get("weights"))
                found |= {(name, str(header.get("published"))), (name, weights)}
    return found
