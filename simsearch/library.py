"""A collection of photos that can be searched: the one module that knows all the others."""

from __future__ import annotations

import itertools
import json
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, Unpack

import numpy as np

from simsearch import pixels, running, store, tables, upkeep
from simsearch.backbones import DEFAULT_BACKBONE
from simsearch.errors import (
    EncoderMismatch,
    LibraryError,
    NoLibrary,
    SimsearchError,
    StorageError,
)
from simsearch.filters import Filters
from simsearch.folders import absolute_path, default_folder, expanded_path, make_home, networks_of, plain_path
from simsearch.groups import Groups
from simsearch.index import ENGINES, MILVUS
from simsearch.index.milvus_address import parsed as check_milvus
from simsearch.indexes import Indexes
from simsearch.layout import HOW_TO_GET_TSNE, METHODS, is_installed
from simsearch.maps import Layouts, Map, make_apart
from simsearch.parts import Box
from simsearch.pixels import AnyPicture
from simsearch.ranking import Found, Wish
from simsearch.reach import need_folder
from simsearch.remote import RemotePath, path_of
from simsearch.report import Report
from simsearch.searching import Asked, Hit, Photo, Query, Searcher, several
from simsearch.store import Store
from simsearch.suggestion import VOTERS, Suggestion, suggest
from simsearch.survey import is_online
from simsearch.tables import Target

if TYPE_CHECKING:
    from simsearch.albums import Albums
    from simsearch.checks import Finding
    from simsearch.choices import Choices
    from simsearch.clusters import Cluster, Clusters
    from simsearch.comparison import Similarities
    from simsearch.embeddings import Embeddings
    from simsearch.encoder import Encoder, EncoderIdentity
    from simsearch.indexing import Indexer
    from simsearch.inventory import Inventory
    from simsearch.why import Why

# What photos are of: a CSV file, or what is in one, or names by photos and folders.
Labels = str | os.PathLike[str] | bytes | Mapping[Photo, str]
_log = logging.getLogger("simsearch")
_Answer = TypeVar("_Answer")
_opened = itertools.count(1)  # the libraries that this process has opened


class _AskedNetwork(NamedTuple):
    """What was named on opening; None where the library's own will do."""

    backbone: str | None = None
    weights: str | os.PathLike[str] | None = None
    pixels: str | None = None


_NOTHING = _AskedNetwork()


class Library:
    """Photos, their embeddings and an index over them, kept in one folder.

    Use :meth:`open`. A library may be used from several threads, and searched while another process
    indexes into it.
    """

    def __init__(
        self,
        path: Path,
        store: Store,
        asked: _AskedNetwork,
        encoder: Encoder | None,
        lsh_storage: str | None,
        milvus: str | None,
    ) -> None:
        self.path = path
        self._number = next(_opened)
        self._store = store
        self._asked = asked
        self._given = encoder is not None
        self._encoder = encoder
        self._coming: Encoder | None = None
        self._milvus = milvus
        self._indexes = Indexes(store, lsh_storage, milvus)
        self._searcher = Searcher(store, self._indexes, lambda: self.encoder)
        self.groups = Groups(store, self._indexes, self._searcher, lambda: self.encoder.dim)
        self._clusters: Clusters | None = None
        self._layouts = Layouts(store, self._indexes)
        self._choices: tuple[int, Choices] | None = None  # and their generation
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        backbone: str | os.PathLike[str] | None = None,
        weights: str | os.PathLike[str] | None = None,
        pixels: str | None = None,
        encoder: Encoder | None = None,
        create: bool = True,
        lsh_storage: str | None = None,
        milvus: str | None = None,
    ) -> Library:
        """Open the library in a folder, making it where there is none.

        Parameters
        ----------
        path
            The folder; by default :func:`default_folder`.
        backbone
            Name of a pretrained network, or path of a file with one of your own; by default the library's.
            To give another to a library with photos, see :attr:`embeddings`.
        weights
            A file of weights for it, where Keras' own download is not wanted.
        pixels
            "0..255", "0..1" or "-1..1": what a network of your own was trained on, where it does not say.
        encoder
            An encoder of your own in place of a named backbone.
        create
            Whether to make a library where there is none.
        lsh_storage
            Address of a Redis server that holds the tables of the engine "lsh", such as
            redis://127.0.0.1:6379, so that several processes share them; by default
            ``$SIMSEARCH_LSH_STORAGE``, else this process's memory.
        milvus
            Address of the Milvus server that searches, which :meth:`push` has filled, such as
            milvus://127.0.0.1:19530; by default ``$SIMSEARCH_MILVUS``, else none: this machine searches.

        Raises
        ------
        NoLibrary
            When there is none and none is to be made.
        LibraryError
            When what is there cannot be used.
        EncoderMismatch
            When the library was made with another network than the one asked for.
        BackboneError
            When there is no such backbone.
        WriteError
            When the folder cannot be written.
        """
        folder = expanded_path(path).absolute() if path is not None else default_folder()
        if isinstance(folder, RemotePath):
            raise LibraryError(folder, "an address, where no library can be", "name a folder of this machine")
        if not (folder / store.FILE_NAME).is_file():
            if not create:
                raise NoLibrary(folder)
            if backbone is not None:
                from simsearch.encoder import asked_for

                asked_for(os.fspath(backbone), weights, pixels)  # before a library is made for nothing
            make_home(folder)
        opened = Store(folder)
        name = encoder.identity.backbone if encoder else backbone
        asked = _AskedNetwork(None if name is None else os.fspath(name), weights, pixels)
        storage = lsh_storage or os.environ.get("SIMSEARCH_LSH_STORAGE")
        server = milvus or os.environ.get("SIMSEARCH_MILVUS") or None
        if server:
            check_milvus(server)
        library = cls(folder, opened, asked, encoder, storage, server)
        try:
            library._check_asked()
        except SimsearchError:
            opened.close()
            raise
        return library

    def _check_asked(self) -> None:
        """Raise EncoderMismatch where another network serves than was named; from then on none is."""
        stored = self._store.setting("encoder")
        if stored is None or self._given:
            _ = self.backbone
            return
        from simsearch.encoder import EncoderIdentity, asked_for, is_file_name

        serving, (name, weights, pixels) = EncoderIdentity.from_json(stored), self._asked
        _agree(self.path, serving.backbone, name)
        if name and (weights or is_file_name(name)):
            sha256 = asked_for(name, weights, pixels).sha256 or ""
            if sha256 != serving.weights:
                raise EncoderMismatch(self.path, serving, serving._replace(weights=sha256))
        self._asked = _NOTHING

    def close(self) -> None:
        """Close the library's files."""
        self._indexes.close()
        self._store.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Return how many photos can be found."""
        return self._store.counts()["photos"]

    @property
    def backbone(self) -> str:
        """Name of the network that makes the library's embeddings, or will."""
        stored = self._store.setting("encoder")
        return _agree(self.path, json.loads(stored)["backbone"] if stored else None, self._asked.backbone)

    @property
    def encoder(self) -> Encoder:
        """The network that makes the embeddings; loaded at first use, and built at the very first."""
        from simsearch.encoder import EncoderIdentity

        with self._lock:
            stored = self._store.setting("encoder")
            serving = EncoderIdentity.from_json(stored) if stored else None
            if self._encoder is None or serving not in (None, self._encoder.identity):
                # Another process may have chosen a network for an empty library, or had another one serve.
                if self._coming and self._coming.identity == serving:
                    self._encoder = self._coming
                elif self._encoder is None or not self._given:
                    self._encoder = self._found(serving)
            if serving not in (None, self._encoder.identity):
                raise EncoderMismatch(self.path, serving, self._encoder.identity)
            return self._encoder

    def _found(self, serving: EncoderIdentity | None) -> Encoder:
        """Return the network that serves or, where none does yet, the one that was asked for."""
        from simsearch.encoder import open_encoder, stored_encoder

        name, weights, pixels = self._asked
        if serving:
            _agree(self.path, serving.backbone, name)
            return stored_encoder(serving, networks_of(self.path), say=_log.warning)
        return open_encoder(name or DEFAULT_BACKBONE, weights=weights, pixels=pixels, say=_log.warning)

    @cached_property
    def embeddings(self) -> Embeddings:
        """The embeddings of its photos, one set a network; another network is made to serve there."""
        from simsearch.embeddings import Embeddings

        return Embeddings(self._store, self._indexes, self._expect)

    def _expect(self, encoder: Encoder) -> None:
        """Have a network at hand that is about to serve."""
        self._coming = encoder
        self._asked = _NOTHING

    @cached_property
    def albums(self) -> Albums:
        """Named sets of examples, and the photos that belong together with them."""
        from simsearch.albums import Albums

        return Albums(self._store, self._indexes, self._searcher, lambda: self.encoder)

    def sync(
        self,
        *folders: str | os.PathLike[str],
        workers: int | None = None,
        on: str | None = None,
        retry_failed: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Report:
        """Bring the library up to date with folders of photos: index what is new or has changed.

        Parameters
        ----------
        folders
            Paths, or addresses such as "s3://bucket/photos"; by default all that were indexed before.
        workers
            Number of processes; by default one a core, and fewer where memory is scarce.
        on
            Where they are, if not on this machine alone: "ray" for the cluster that $RAY_ADDRESS names, or
            for Ray on this machine, or "ray://HOST:6379" for the cluster whose head listens there. This
            machine must be one of its nodes, and the others must find the photos under the same paths.
        retry_failed
            Whether to look again at files that failed and have not changed since.
        progress
            Called with the number of files done and to do in the current folder.

        Raises
        ------
        ClusterError
            When Ray or the cluster cannot be used, or is gone; what was done is kept.
        FolderError
            When no folder can be used. If some can, the others are in the report: as offline where they are
            indexed already, else as failures.
        LibraryError
            When another process is indexing into this library; it says which.
        """
        indexer = self._indexer(workers=workers, on=on, retry=retry_failed, progress=progress)
        return indexer.sync([plain_path(folder) for folder in folders] or self.roots())

    def watch(
        self,
        *folders: str | os.PathLike[str],
        workers: int | None = None,
        retry_failed: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[Report]:
        """Bring the library up to date as :meth:`sync` does, and go on, for ever, as indexed folders change.

        All folders of the library are followed, also those that are offline when it begins.

        Yields
        ------
        Report
            Of the first run, then of each that found something new. While another process indexes into this
            library, the changes wait.
        """
        indexer = self._indexer(workers=workers, retry=retry_failed, progress=progress)
        return indexer.watch([plain_path(folder) for folder in folders] or self.roots())

    def _indexer(self, **options: Any) -> Indexer:
        from simsearch.indexing import Indexer

        return Indexer(self._store, self._indexes, lambda: self.encoder, **options)

    def load(self) -> None:
        """Load network and index now, so that the first search is as quick as the next."""
        dim = self.encoder.dim
        if self._milvus:
            with suppress(StorageError):  # whoever searches is told
                if len(self):
                    self._indexes.projection(dim)
            return
        with self._indexes.lock:
            self._indexes.current("auto", dim)
            self._indexes.graph(dim)

    def push(
        self,
        address: str | None = None,
        *,
        shards: int = 1,
        recall: float = 0.98,
        force: bool = False,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> dict[str, Any]:
        """Fill a collection in a Milvus server with the library, or bring it up to date.

        What is there already is not sent again, so that a push which was stopped goes on. The collection is
        named after the library, its network and what it has learnt; those for others of these are dropped.

        Parameters
        ----------
        address
            milvus://[USER:PASSWORD@]HOST[:PORT][/DATABASE], milvus+tls:// likewise, or milvus:///FOLDER.db
            for milvus-lite on this machine; by default the one that the library was opened with, or that was
            pushed to last.
        shards
            Over how many parts writing is spread, where the collection is new: 1 to 16.
        recall
            The share of the 15 true nearest that searches shall find, 0 to 1.
        force
            Whether to push to a collection that holds another, or a newer, history of this library.
        progress
            Called with what is done just now, how much of it is done, and to do.

        Returns
        -------
        ``address``, ``collection``, and ``photos``, how many it holds; how many were ``sent``, ``unchanged``
        and ``removed``; ``dropped``, the names of outdated collections; and, measured once the server has
        indexed all, ``recall`` of the 15 nearest of so many ``queries`` (photos of the library), its
        standard ``error``, and the ``effort`` that it takes (HNSW's efSearch); and ``seconds``.

        Raises
        ------
        LibraryError
            When the library holds no photos.
        StorageError
            When the server cannot be used, or holds another or a newer history of this library.
        ValueError
            When shards or recall are out of range.
        """
        from simsearch.pushing import push

        where = address or self._indexes.milvus
        if where is None:
            remedy = "name one: simsearch push milvus://HOST"
            raise StorageError("push", "no Milvus server is known", remedy)
        if not 1 <= shards <= 16:
            raise ValueError(f"shards must be from 1 to 16, not {shards}")
        if not 0 <= recall <= 1:
            raise ValueError(f"recall must be from 0 to 1, not {recall}")
        self._need_photos()
        return push(
            self._store,
            self.encoder.dim,
            where,
            shards=shards,
            recall=recall,
            force=force,
            progress=progress or (lambda *_: None),
        )

    def search(
        self,
        image: Asked | Sequence[Asked],
        k: int = 15,
        *,
        minus: Asked | Sequence[Asked] = (),
        crop: Box | None = None,
        engine: str = "auto",
        rerank: bool = True,
        diversity: float = 0.0,
        fold: bool = False,
        **filters: Unpack[Filters],
    ) -> list[Hit]:
        """Find the photos most like a picture, which need not be in the library.

        Parameters
        ----------
        image
            A path, the bytes of a file, an open file, a Pillow image, or a :meth:`query` made of one; or
            several examples in a list. A hit is an example, too, and is not among the answers.
        k
            How many; there are fewer only where the library, or what the filters leave of it, has fewer.
            The last ones may mean nothing: see :attr:`Hit.related`.
        minus
            What the answers shall not be like: one example or several.
        crop
            The part of the picture, or of the first one, to search with: (x, y, width, height) on the
            upright picture, in pixels or, where none of the four is above 1, in shares. What sticks out is
            cut off.
        engine
            "exact" compares every photo, "faiss" and "lsh" look at few and may miss some; "milvus" asks the
            server that was pushed to, which gives 16,384 at most; "auto" takes that where the library was
            opened with one, else the one that suits the number of photos.
        rerank
            Whether shared neighbours count; otherwise only the cosine does.
        diversity
            From 0, the best first, to 1, as different from each other as can be.
        fold
            Whether near-identical hits become one, with the others as its :attr:`Hit.copies`.
        filters
            Which photos may answer: ``under``, ``since``, ``until``, ``camera``, ``kind``, ``min_size``;
            see :class:`simsearch.filters.Filters`.

        Raises
        ------
        PhotoError
            When a picture cannot be read.
        FolderError
            When the library knows nothing below the folder of a filter.
        StorageError
            When the Milvus server, or the Redis server with the tables of LSH, cannot be used.
        ValueError
            When k is below 1, there is no such engine, crop is no part of the picture, diversity is not from
            0 to 1, there is no example, or a filter makes no sense.
        """
        wish = _wish(k, self._engine(engine), rerank, diversity, fold)
        likes, dislikes = several(image), several(minus)
        if not likes:
            raise ValueError("there must be a picture to search with")
        among = self._searcher.among(filters)
        return self._steadily(
            lambda: self._searcher.find(self._searcher.examples(likes, dislikes, crop), wish, among)
        )

    def _engine(self, asked: str) -> str:
        return MILVUS if asked == "auto" and self._milvus else asked

    def _steadily(self, ask: Callable[[], _Answer]) -> _Answer:
        """Ask, and again where another network came to serve meanwhile: half of each tells nothing.

        An error, or no answer, may come of one that is gone again; then something has changed at least.
        """
        while True:
            serving, generation = self._store.setting("encoder"), self._store.generation
            try:
                answer = ask()
            except (SimsearchError, ValueError):
                if self._is_still(serving) and generation == self._store.generation:
                    raise
            else:
                if self._is_still(serving) and (answer or generation == self._store.generation):
                    return answer

    def _is_still(self, serving: str | None) -> bool:
        return serving == self._store.setting("encoder")

    def query(self, image: AnyPicture | Hit, *, crop: Box | None = None) -> Query:
        """Decode and encode a picture once, to search with it more than once, or in more than one way.

        Whatever takes a picture takes a query as well: :meth:`search`, :meth:`suggest`, :meth:`place`,
        :meth:`why`, :meth:`preview`, :meth:`compare`.

        Raises
        ------
        PhotoError
            When the picture cannot be read.
        ValueError
            When crop is no part of the picture.
        """
        return self._searcher.query(image, crop)

    def similar(self, photo: Photo, k: int = 15, **options: Any) -> list[Hit]:
        """Find the photos most like one of the library's own, which is not among them.

        Parameters
        ----------
        photo
            A hit, a photo's id, or its path.
        k, options
            As for :meth:`search`, and so are the other errors.

        Raises
        ------
        PhotoError
            When the photo is not in the library.
        """
        return self.search(self.photo(photo), k, **options)

    def photo(self, photo: Photo) -> Hit:
        """Return one of the library's own photos, by its id or path, as a hit of itself.

        Raises
        ------
        PhotoError
            When the photo is not in the library.
        """
        return self._searcher.hit(photo)

    def suggest(self, image: Asked, *, crop: Box | None = None) -> Suggestion:
        """Suggest what a picture is of: the folder that its nearest photos lie in, or their label.

        Near-identical photos have one vote together, and the picture itself has none where it is a photo of
        the library. Once there are labels, only photos that have one vote.

        Raises
        ------
        PhotoError
            When the picture cannot be read.
        ValueError
            When crop is no part of the picture.
        """
        hits = self.search(self._searcher.own(image), VOTERS, crop=crop, fold=True)
        related = [hit for hit in hits if hit.related]
        if not self._store.has_labels():
            return suggest([str(hit.path.parent) for hit in related], len(hits))
        labels = self._store.labels([hit.id for hit in related])
        return suggest([labels[hit.id] for hit in related if hit.id in labels], len(hits))

    def kinds(self) -> int:
        """Return how many labels and folders there are for :meth:`suggest` to choose from."""
        return self._store.kinds()

    def clusters(self, grain: str = "medium", **filters: Unpack[Filters]) -> list[Cluster]:
        """Group the photos that look alike, into as many clusters as there seem to be.

        The same photos give the same clusters. They are made anew where photos came or went.

        Parameters
        ----------
        grain
            "coarse", "medium" or "fine"; a cluster is made of whole ones of the finer grain, but for photos
            that hardly belong there.
        filters
            Which photos are told of, as for :meth:`search`; the clusters are those of all photos.

        Returns
        -------
        The clusters, largest first, each with its ``typical`` photo, a ``label`` or None, ``photos``, their
        ids (n,) int64, best first, and its ``size``. A photo like no others is in none of them.

        Raises
        ------
        FolderError
            When the library knows nothing below the folder of a filter.
        ValueError
            When there is no such grain, or a filter makes no sense.
        """
        from simsearch.clustering import GRAINS
        from simsearch.clusters import Clusters

        if grain not in GRAINS:
            raise ValueError(f"grain must be one of {', '.join(GRAINS)}, not {grain}")
        among = self._searcher.among(filters)
        if not len(self):
            return []
        with self._lock:
            if self._clusters is None:
                self._clusters = Clusters(self._store, self._indexes, self._searcher)
        return self._clusters.tell(self.encoder.dim, grain, None if among is None else among.ids)

    def paths(self, photos: Iterable[int] | None = None, **filters: Unpack[Filters]) -> dict[int, Path]:
        """Return where photos are, by their ids; those that are not there are left out.

        Parameters
        ----------
        photos
            Ids, whose order is kept; None stands for all that filters leave, as for :meth:`search`.
        """
        if photos is None and (among := self._searcher.among(filters)) is not None:
            photos = among.ids.tolist()
        return {photo_id: path_of(path) for photo_id, path in self._store.paths(photos).items()}

    def known(
        self,
        folder: str | os.PathLike[str],
        *,
        minutes: float = 2.0,
        workers: int | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Inventory:
        """Say which photos of a folder that is not indexed, such as a memory card's, are here already.

        Nothing of it is taken up, and no photo is changed; of the library's own photos the sketches are kept
        that :attr:`groups` compares them by.

        Parameters
        ----------
        minutes
            The longest time from a photo of the library to one of the same scene and camera, which is then
            one of a burst.
        workers
            Number of processes; by default one a core, and fewer where memory is scarce.
        progress
            Called with what is done just now, and how much of it is done and to do.

        Returns
        -------
        An inventory, in which every file has one verdict. What several files of the folder show, and no photo
        of the library, is "new" once, in the best of them.

        Raises
        ------
        FolderError
            When there is no such folder, it cannot be read, it holds no photos, or photos in it are the
            library's own.
        LibraryError
            When the library holds no photos.
        ValueError
            When minutes is not above 0, or more than a day has.
        """
        from simsearch.bursts import longest_pause
        from simsearch.known import Stocktaking
        from simsearch.pool import suitable_workers

        within = longest_pause(minutes)
        path = plain_path(folder)
        self._need_photos()
        return Stocktaking(
            self._store,
            self._indexes,
            self._searcher,
            self.encoder,
            within=within,
            workers=workers or suitable_workers(),
            progress=progress or (lambda *_: None),
        ).of(path)

    def compare(self, image: Asked, k: int = 15) -> dict[str, Any]:
        """Let every engine answer the same query, a picture or a photo of the library, other than itself.

        Returns
        -------
        ``answers``, one for each engine with ``engine``, ``about``, ``hits``, ``milliseconds`` (of the
        search alone), ``recall``, ``scanned`` and ``compared`` (shares of the library), and ``bytes``;
        ``missed``, the true nearest that LSH did not find, each with ``hit``, ``cosine`` (as hashed) and
        ``probes_needed`` (None where no number suffices); and ``settings``, those of LSH.

        Raises
        ------
        PhotoError
            When the picture cannot be read or the photo is not in the library.
        StorageError
            When the tables of LSH are in a Redis server that cannot be used.
        ValueError
            When k is below 1.
        """
        from simsearch.comparison import compare

        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        searcher = self._searcher
        own, vector = searcher.known(image) if isinstance(image, Hit) else (None, searcher.encoded(image))
        answers, misses, settings = compare(self._indexes, vector, k, own)
        exact = dict(zip(answers[0].ids, answers[0].scores, strict=True))
        return {
            "answers": [
                {
                    **answer._asdict(),
                    "hits": searcher.hits(list(map(Found, answer.ids, answer.scores, answer.scores))),
                }
                for answer in answers
            ],
            "missed": [
                {**miss._asdict(), "hit": hit}
                for miss in misses
                for hit in searcher.hits([Found(miss.id, exact[miss.id], exact[miss.id])])
            ],
            "settings": settings,
        }

    def random(self) -> Hit | None:
        """Return any photo of the library, as a hit of itself; None where there is none."""
        return next(iter(self.sample(1)), None)

    def sample(self, most: int) -> list[Hit]:
        """Return photos drawn at random, other ones each time, as hits of themselves."""
        return self._searcher.hits([Found(photo_id, 1.0, 1.0) for photo_id in self._store.random_ids(most)])

    def named(self, text: str, most: int = 60) -> list[Hit]:
        """Return photos by their names: those whose path below an indexed folder has all words of a text.

        Case makes no difference in plain letters. They come as hits of themselves, ordered by path.
        """
        ids = self._store.named(text.split(), most)
        return self._searcher.hits([Found(photo_id, 1.0, 1.0) for photo_id in ids])

    def map(
        self,
        method: str | None = None,
        *,
        at_hand: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Map:
        """Return where each photo lies in two dimensions, near those like it; the same for the same photos.

        It is kept, also for other processes. Photos that came since lie amid their neighbours, until so many
        came or went that it is made anew.

        Parameters
        ----------
        method
            "pca", in seconds, along the two main directions; "tsne", which keeps neighbours together and
            takes half a minute of one core for 100,000 photos; by default the best that is installed. Fewer
            than 50 photos always lie as by "pca".
        at_hand
            Whether to take what there is, or else "pca", rather than have a better one made; it is then
            :attr:`Map.due`.
        progress
            Called with the number of steps done and to do.

        Raises
        ------
        SimsearchError
            When the method is not installed.
        ValueError
            When there is no such method.
        """
        if method not in (None, *METHODS):
            raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method}")
        if method is not None and not is_installed(method):
            raise SimsearchError(f"{method}: not installed; get it with: {HOW_TO_GET_TSNE}.")
        if at_hand:
            return self._layouts.at_hand(method, self.encoder.dim)
        return self._layouts.current(method, self.encoder.dim, progress)

    def make_map(self) -> None:
        """Have the map made in a process of its own, and wait: in this one it would hold up all threads.

        ``map(at_hand=True)`` then has it.

        Raises
        ------
        SimsearchError
            When it could not be made.
        """
        make_apart(self.path)

    def place(self, image: Asked, *, crop: Box | None = None) -> tuple[float, float]:
        """Return where on the map at hand a picture lands, amid the photos most like it, or a photo lies.

        Raises
        ------
        LibraryError
            When the library holds no photos.
        PhotoError
            When the picture cannot be read.
        ValueError
            When crop is no part of the picture.
        """
        self._need_photos()
        found = self._layouts.at_hand(None, self.encoder.dim)
        if isinstance(image, Hit) and crop is None and image.id in found.ids:
            x, y = found.positions[np.searchsorted(found.ids, image.id)].tolist()
            return x, y
        known = self._searcher.known(image, crop)[1] if isinstance(image, Hit) else None
        vector = self._searcher.encoded(image, crop) if known is None else known
        return self._layouts.place(found, vector, self.encoder.dim)

    def dates_of_photos(self) -> dict[int, datetime]:
        """Return when each photo was taken that says so, by its id."""
        return self._store.dates()

    def lsh_settings(self) -> dict[str, int]:
        """Return the settings of the engine "lsh": tuned ones, or what suits the library."""
        from simsearch.comparison import lsh_settings

        return lsh_settings(self._indexes, self.encoder.dim)

    def lsh_similarities(self) -> Similarities:
        """Return how alike photos of this library are to LSH: cosines of a sample, seen from their mean."""
        from simsearch.comparison import similarities

        return similarities(self._indexes, self.encoder.dim)

    def lsh_curve(self, bits: int, tables: int, probes: int, hits: int) -> list[tuple[float, float]]:
        """Return the S-curve of LSH with these settings: cosines, and how likely a photo there is found."""
        from simsearch.comparison import found_curve

        return found_curve(bits, tables, probes, hits)

    def tune(self, recall: float = 0.95, *, compact: bool | None = None, **knobs: int) -> dict[str, Any]:
        """Choose the settings of the engine "lsh" for this library, and keep them.

        Parameters
        ----------
        recall
            The share of the 15 true nearest that it shall find, above 0 and up to 1.
        compact
            Whether the engines "faiss" and "lsh" keep vectors in 8 bits a number: a quarter of the memory
            of 32, and the last places among the hits may change. By default as it was; at first, no.
        knobs
            ``bits``, ``tables``, ``probes`` and ``hits`` that are not to be chosen.

        Returns
        -------
        ``wish``, ``settings``, and, as measured on ``queries`` of the library's own photos, ``recall``
        with its standard ``error``, and ``scanned``, the share of the library looked at.

        Raises
        ------
        LibraryError
            When the library holds no photos.
        StorageError
            When the tables of LSH are in a Redis server that cannot be used; the settings are kept.
        ValueError
            When recall or a knob is out of its range.
        """
        if not 0 < recall <= 1:
            raise ValueError(f"recall must be above 0 and up to 1, not {recall}")
        self._need_photos()
        tuning = self._indexes.tune(self.encoder.dim, recall, knobs, compact)
        return {"wish": recall, **tuning._asdict(), "settings": tuning.settings._asdict()}

    def exam(
        self,
        sample: int = 100,
        *,
        engines: Sequence[str] = ENGINES,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> dict[str, Any]:
        """Measure how well this library is searched, on its own photos; only index files may be written.

        The same library gives the same figures, but for times.

        Parameters
        ----------
        sample
            How many photos are altered and searched for.
        engines
            Those to compare. The first use of "lsh" tunes it, which may take some seconds.
        progress
            Called with what is done just now, and how much of that is done and to do.

        Returns
        -------
        Plain values; shares are 0 to 1.

        - ``library``; ``photos``; ``asked``, how many of them were altered; ``skipped``, how many of the
          sample could not be, as thumbnail or embedding are damaged; ``engine``, the one that "auto" stands
          for; ``seconds``.
        - ``distortions``, one for each ``distortion``, and ``overall``: how many were ``asked``, the share
          of photos (or exact copies of them) that come first, ``hit_at_1``, or among ten, ``hit_at_10``,
          and the mean of 1 / rank, ``mean_reciprocal_rank``, in which what is not among 15 counts as 0;
          the share that is called ``near_identical`` or ``same_scene``, None where nothing is known of that.
        - ``foils``: of pictures that show nothing any more, by ``foil``, how many were ``asked``, and the
          share to which no hit is related, ``nothing_similar``, or None.
        - ``engines``: of each ``engine``, on 200 of the altered photos, ``recall`` of the 15 nearest,
          ``milliseconds_p50`` and ``milliseconds_p95`` of the search alone, ``scanned`` (share of the
          library), ``bytes``, and ``about``, how it searches.
        - ``kinds``: ``by`` which kinds, "folders" or, where the user gave some, "labels"; ``said``, in a
          sentence, what comes of it; how many photos ``asked`` for their kind, ``precision_at_1`` and
          ``precision_at_15``, what ``chance`` would give, and whether that is ``clear`` of it; the same for
          ``each`` kind with its ``name`` and number of ``photos``, worst first, where folders mean something.

        Raises
        ------
        LibraryError
            When the library holds no photos, or none that can be altered.
        StorageError
            When the tables of LSH are in a Redis server that cannot be used.
        ValueError
            When sample is below 1, or there is no such engine.
        """
        from simsearch.exam import Examiner

        if sample < 1:
            raise ValueError(f"sample must be at least 1, not {sample}")
        if unknown := [engine for engine in engines if engine not in ENGINES]:
            raise ValueError(f"engines must be among {', '.join(ENGINES)}, not {unknown[0]}")
        self._need_photos()
        examiner = Examiner(self._store, self._indexes, self.encoder, progress or (lambda *_: None))
        return examiner.examine(sample, engines)

    def _need_photos(self) -> None:
        if not len(self):
            raise LibraryError(self.path, "holds no photos yet", "index some: simsearch index FOLDER")

    def learn(
        self,
        lesson: str,
        *,
        labels: Labels | None = None,
        under: str | os.PathLike[str] | None = None,
        force: bool = False,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> dict[str, Any]:
        """Learn from the library's photos how to compare them.

        The embeddings stay as they are, so that any lesson can follow any other; it takes seconds.

        Parameters
        ----------
        lesson
            "photos": their main directions, as the library does by itself once it has some hundred photos;
            of fewer it learns nothing yet.
            "folders": besides, what tells the folders apart that photos lie in. "off": nothing.
        labels
            For "folders": the kinds in place of the folders, kept as the photos' labels: a CSV file, or its
            content in bytes, in each line a path and a label; or a mapping to labels from photos (hits, ids
            or paths) and from folders, which stand for what is below them and not named itself, also for what
            comes there later.
        under
            For "folders": only the folders at or below this one.
        force
            Whether to search so even if that is worse.
        progress
            Called with what is being done, and how much of that is done and to do. What it raises ends it
            all, and nothing has changed then.

        Returns
        -------
        What :meth:`learnt` returns, and what nothing was learnt from: ``small``, the kinds of too few photos,
        and ``unknown``, the paths among the labels that are not in the library.

        Raises
        ------
        FolderError
            When the labels cannot be read, or the library knows nothing below the folder.
        LearningError
            When there is nothing to learn from, or search would be worse; then it has the ``gain``.
        LibraryError
            When another process is indexing into this library.
        ValueError
            When there is no such lesson, or labels, under or force are not for it.
        """
        if lesson != "folders" and (labels is not None or under is not None or force):
            raise ValueError('labels, under and force are for the lesson "folders" alone')
        if lesson not in ("photos", "folders", "off"):
            raise ValueError(f'lesson must be "photos", "folders" or "off", not {lesson!r}')
        if labels is not None and under is not None:
            raise ValueError("give labels or under, not both")
        from simsearch import calibration, lessons

        small: list[str] = []
        unknown: list[str] = []
        dim = self.encoder.dim
        progress = progress or (lambda *_: None)
        with running.sole_writer(self.path):
            if lesson == "photos":
                lessons.learn_photos(self._store, dim, progress)
            elif lesson == "off":
                progress("making the index anew", 0, 0)
                lessons.learn_nothing(self._store)
            else:
                kinds, unknown, folders = self._kinds(labels, under)
                small = lessons.learn_kinds(
                    self._store,
                    dim,
                    kinds,
                    force=force,
                    labels=labels is not None,
                    folders=folders,
                    under=absolute_path(under) if under is not None else None,
                    progress=progress,
                )
            self._indexes.refresh(dim)
            calibration.keep_up(self._store, self._indexes, self.encoder)
        return {**self.learnt(), "small": small, "unknown": unknown}

    def kinds_to_learn(
        self, *, labels: Labels | None = None, under: str | os.PathLike[str] | None = None
    ) -> dict[str, Any]:
        """Return what :meth:`learn` would learn "folders" from, by the same arguments; nothing is learnt.

        Returns
        -------
        ``sizes``, how many photos there are of each kind, the largest first; ``small``, the kinds of too few
        photos to learn from, and ``fewest``, how many it takes; and ``unknown``, the paths among the labels
        that are not in the library.

        Raises
        ------
        FolderError
            When the labels cannot be read, or the library knows nothing below the folder.
        LearningError
            When the labels are of no photo of the library.
        """
        from simsearch import learning, lessons

        kinds, unknown, _ = self._kinds(labels, under)
        sizes, small = lessons.sizes(kinds)
        return {"sizes": sizes, "small": small, "fewest": learning.SMALLEST_KIND, "unknown": unknown}

    def _kinds(
        self, labels: Labels | None, under: str | os.PathLike[str] | None
    ) -> tuple[dict[int, str], list[str], dict[str, str]]:
        """Return names of kinds by photo ids, what is not in the library, and names of folders."""
        from simsearch import lessons

        if isinstance(labels, Mapping):
            names = {one.id if isinstance(one, Hit) else one: kind for one, kind in labels.items()}
            return lessons.kinds_of_names(self._store, names)
        if labels is not None:
            source = labels if isinstance(labels, bytes) else absolute_path(labels)
            return *lessons.kinds_of_labels(self._store, source), {}
        folder = absolute_path(under) if under is not None else None
        return lessons.kinds_of_folders(self._store, folder), [], {}

    def folders(self) -> dict[str, int]:
        """Return how many photos lie in each folder (an absolute path), not counting those below it."""
        counted = Counter(self._store.folders().values())
        return {folder: counted[folder] for folder in sorted(counted)}

    def labels(self) -> dict[int, str]:
        """Return what the user said that photos are of, by their ids; see :meth:`learn`."""
        return self._store.labels()

    def drop_labels(self) -> int:
        """Forget what the user said that photos are of; return how many photos that was said of.

        From then on :meth:`suggest` goes by folders again. What was learnt from labels stays.

        Raises
        ------
        LibraryError
            When another process is indexing into this library.
        """
        from simsearch import lessons

        with running.sole_writer(self.path):
            count = len(self._store.labels())
            with self._store.transaction():
                lessons.set_labels(self._store, {}, {})
            return count

    def learnt(self) -> dict[str, Any]:
        """Return what the library learnt last: ``lesson``, ``photos`` (from how many), and when, ``at``.

        Of folders there are ``kinds``, their names, ``labels``, whether they are labels, and ``gain``:
        precision at 1, precision at 15 and accuracy of photos that it did not learn from, ``before`` and
        ``after``, and of kinds that it was not told, ``others_before`` and ``others_after``, and how many
        photos asked, ``asked`` and ``others_asked``; ``library`` says how many photos that had then, and
        ``under`` below which folder they are, if not anywhere. Where there is ``alike``, that many photos did
        not differ, and nothing could be learnt from them.
        """
        from simsearch import lessons

        return lessons.last(self._store)

    def thumbnail(self, hit: Hit) -> bytes | None:
        """Return a hit's thumbnail (JPEG, at most 400 pixels a side), or None if it has left the library."""
        return self._store.thumbnail(hit.id)

    def preview(self, image: Asked, side: int, crop: Box | None = None) -> bytes:
        """Return a picture or a part of it, upright, as a JPEG of at most ``side`` pixels.

        Its format may be any. A hit whose file cannot be read is shown from its thumbnail.

        Raises
        ------
        PhotoError
            When the picture cannot be read, and there is no thumbnail of it.
        ValueError
            When crop is no part of the picture.
        """
        return pixels.shrink(self._searcher.upright(image, crop, at_least=side)[0], side)

    def export(
        self,
        photos: Iterable[Photo],
        *,
        zip: Target | None = None,
        csv: Target | None = None,
        contact_sheet: Target | None = None,
    ) -> list[Hit]:
        """Write photos down to be taken elsewhere, in their order.

        Each of the three is a path, where a file that is there is replaced, or a file opened for bytes.

        Parameters
        ----------
        zip
            An archive of their files as they are, without folders; of equal names the later get a number.
        csv
            A table of their paths, scores, what these mean, and what the photos say of themselves.
        contact_sheet
            A PDF of their thumbnails with names and dates, 20 on a page of A4.

        Returns
        -------
        The photos that are not there just now or cannot be read, and so are not in the archive, which names
        them in a file of text.

        Raises
        ------
        PhotoError
            When a photo is not in the library.
        WriteError
            When a file cannot be written, or has the name of a photo.
        ValueError
            When there are no photos.
        """
        from simsearch import export

        hits = [self.photo(photo) for photo in photos]
        if not hits:
            raise ValueError("there must be a photo")
        left_out: list[Hit] = []
        if csv is not None:
            with tables.saving(csv) as file:
                file.write(export.as_csv(hits))
        if contact_sheet is not None:
            from simsearch.sheet import contact_sheet as drawn

            with tables.saving(contact_sheet) as file:
                file.write(drawn(hits, self.thumbnail))
        if zip is not None:
            with tables.saving(zip) as file:
                left_out = export.write_zip(hits, file)
        return left_out

    def bytes_of(self, photos: Iterable[Hit]) -> int:
        """Return how many bytes the files of photos had when they were indexed, in all."""
        return self._store.size(photo.id for photo in photos)

    def why(self, image: Asked, hit: Hit, *, crop: Box | None = None) -> Why:
        """Show which parts of a picture and of a hit are alike to the network.

        Parameters
        ----------
        image
            What was searched with: a picture, or a photo of the library.
        hit
            What was found. Where its file cannot be read, its thumbnail is looked at.
        crop
            The part of the image that was searched with, as for :meth:`search`; only that is shown.

        Returns
        -------
        ``query`` and ``hit``, both as JPEGs, brighter where they are like the other one, and ``note``, a
        sentence where it may be only the background that matches, else None.

        Raises
        ------
        PhotoError
            When one of them cannot be read, and there is no thumbnail of it.
        ValueError
            When crop is no part of the picture.
        """
        return self._searcher.why(image, hit, crop)

    @property
    def generation(self) -> int:
        """A number that every change raises: equal generations find equal hits."""
        return self._store.generation

    @property
    def key(self) -> str:
        """What tells this library from all others that this process opens, also from one in its place."""
        return f"{self._number}"

    @property
    def stamp(self) -> str:
        """What stands for all that the library holds: another one in other libraries and after each change.

        To keep what was worked out from a library, for as long as this process lasts.
        """
        generation = self.generation
        return f"{self.key}-{generation}-{self._store.mark(generation)}"

    def is_there(self) -> bool:
        """Return whether the library is still in its folder: not deleted, nor replaced by another one."""
        return self._store.is_there()

    def roots(self, *, online: bool = False) -> list[Path]:
        """Return the folders that are indexed, or only those that are online."""
        return [root.path for root in self._store.roots() if not online or is_online(self._store, root)]

    def failures(
        self, *, most: int | None = None, skip: int = 0, reason: str | None = None
    ) -> list[tuple[Path, str]]:
        """Return the path of every file that could not be used, and why, by path.

        Parameters
        ----------
        most, skip
            Only so many, after so many others.
        reason
            Only those of which that is the reason.
        """
        return self._store.all_failures(most, skip=skip, reason=reason)

    def failure_reasons(self) -> dict[str, int]:
        """Return why files could not be used, and how many for that reason, most first."""
        return self._store.failure_reasons()

    def missing(self, *, prunable: bool = False) -> list[Path]:
        """Return the photos whose file is gone; they return to search when it does.

        Parameters
        ----------
        prunable
            Only those that :meth:`prune` would drop.
        """
        return list(upkeep.missing(self._store, prunable=prunable))

    def count(self, **filters: Unpack[Filters]) -> int:
        """Return how many photos can be found that filters leave; see :meth:`search`."""
        among = self._searcher.among(filters)
        return len(self) if among is None else len(among.ids)

    def choices(self) -> Choices:
        """Return what the filters of a search can be given: folders, cameras, kinds and dates, with counts.

        It is worked out once for each :attr:`generation`.
        """
        from simsearch.choices import choices

        generation = self.generation
        if self._choices is None or self._choices[0] != generation:
            self._choices = generation, choices(self._store)
        return self._choices[1]

    def forget(self, path: str | os.PathLike[str], *, dry_run: bool = False) -> int:
        """Drop what is known of a photo, or of all below a folder; return how many photos that was.

        The files themselves are left alone, and those that are still there are indexed by the next
        :meth:`sync` of a folder around them. A root is forgotten as well, so that it is not synced again.

        Parameters
        ----------
        dry_run
            Whether only to count.

        Raises
        ------
        FolderError
            When it is in no indexed folder, and none is in it.
        LibraryError
            When another process is indexing into this library.
        """
        if dry_run:
            return upkeep.forget(self._store, absolute_path(path), dry_run=True)
        with running.sole_writer(self.path):
            return upkeep.forget(self._store, absolute_path(path), dry_run=False)

    def prune(self, photos: Iterable[Path] | None = None) -> int:
        """Drop photos whose file is gone while its folder is there; return how many.

        Those in folders that are offline are kept. :meth:`sync` finds out what is gone.

        Parameters
        ----------
        photos
            Only of these, as :meth:`missing` named them.

        Raises
        ------
        LibraryError
            When another process is indexing into this library.
        """
        with running.sole_writer(self.path):
            return upkeep.prune(self._store, photos)

    def start(
        self, *folders: str | os.PathLike[str], retry_failed: bool = False, backbone: str | None = None
    ) -> None:
        """Do what :meth:`sync` does in a process of its own, which outlives this one; see :attr:`run`.

        Parameters
        ----------
        backbone
            A network that is to serve afterwards; see :attr:`embeddings`.

        Raises
        ------
        FolderError
            When something is no folder.
        SimsearchError
            When it could not start, or another process is indexing.
        """
        for folder in folders:
            need_folder(plain_path(folder))
        flags = ["--retry-failed"] if retry_failed else []
        flags += ["--backbone", backbone] if backbone else []
        running.start(self.path, [*flags, "--", *(str(plain_path(folder)) for folder in folders)])

    def stop(self) -> None:
        """Stop the process that is indexing into this library, if there is one; what it has done is kept."""
        running.stop(self.path)

    @property
    def run(self) -> dict[str, Any] | None:
        """The run of indexing that is under way or was the last; see :func:`simsearch.running.last`."""
        return running.last(self.path)

    def status(self) -> dict[str, Any]:
        """Return the library's facts as plain values: where it is, counts, folders, networks, size.

        Of each folder there are ``path``, ``online``, and how many ``photos``, ``missing`` and ``failed``;
        of ``embeddings`` those that serve and then those of other networks, as
        :meth:`simsearch.embeddings.Embeddings.sets` tells them; ``milvus``, None where no server is
        known, has the ``address`` of the one that the engine of that name asks, and how many photos it
        ``lacks``, as they changed since the last push; None where all have to be pushed.
        """
        stored = self._store.setting("encoder")
        return {
            "library": str(self.path),
            **self._store.counts(),
            "folders": upkeep.folders(self._store),
            "backbone": self.backbone,
            "weights": json.loads(stored)["weights"] if stored else None,
            "embeddings": [
                {**one._asdict(), "encoder": one.encoder._asdict(), "number": one.number}
                for one in self.embeddings.sets()
            ],
            "engine": self._indexes.reason(),
            "lsh": self._indexes.tuned,
            "milvus": self._indexes.served(),
            "learnt": self.learnt(),
            "bytes": sum(
                file.stat().st_size
                for pattern in (f"{store.FILE_NAME}*", "index.*")
                for file in self.path.glob(pattern)
            ),
        }

    def check(
        self, *, repair: bool = False, progress: Callable[[int, int], None] | None = None
    ) -> list[Finding]:
        """Look whether the library is well: database, embeddings, thumbnails, network and index files.

        Parameters
        ----------
        repair
            Whether to mend what can be: photos with something damaged are examined anew from their files,
            and files made from the database are deleted, to be made anew. Without it nothing is changed.
        progress
            Called with the number of photos done and to do.

        Returns
        -------
        What is or was wrong, one finding a kind, with ``problem``, ``remedy`` and ``mended``; none where
        all is well.

        Raises
        ------
        LibraryError
            When it is to be mended while another process is indexing into it.
        EncoderMismatch
            When this library was opened with another encoder than the one it was made with.
        """
        from simsearch.repair import Doctor

        doctor = Doctor(self._store, self._indexes, self.backbone, lambda: self.encoder, progress)
        if not repair:
            return doctor.check()
        with running.sole_writer(self.path):
            return doctor.mend(self._indexer(retry=True, progress=progress).take_up)

    def _take_up(self, network: str, progress: Callable[[dict[str, Any]], None]) -> None:
        """Have a network that was trained here serve."""

        def told(done: int, total: int) -> None:
            progress({"doing": "making the new embeddings", "done": done, "total": total})

        if not self.embeddings.switch(self.embeddings.open(network), progress=told).serves:
            raise KeyboardInterrupt

    def learn_deep(
        self,
        *,
        labels: Labels | None = None,
        under: str | os.PathLike[str] | None = None,
        unfreeze: int = 0,
        epochs: int | None = None,
        seed: int = 0,
        force: bool = False,
        progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """Train a network on the library's kinds: a backbone of its own, if it finds better than before.

        It takes minutes. A fifth of the photos is kept from training, and what :meth:`learn` makes of the
        embeddings there are is measured on the same ones. Where the network finds better than that, it comes
        to serve, and the old embeddings stay beside its own; else nothing changes.

        Parameters
        ----------
        labels, under
            As for :meth:`learn`.
        unfreeze
            How many of the backbone's last blocks are trained besides a small head.
        epochs
            At most; training ends by itself where it makes no progress.
        seed
            The same one gives the same network on the same machine.
        force
            Whether to use it even if it does not find better.
        progress
            Called with what is being done, ``doing``, how much of that is ``done`` and the ``total``; in
            training, whose unit is an epoch, besides with ``seconds_left`` and the epoch's entry in the
            ``history``. What it raises ends it all, and search is as it was. Of a network that was trained
            by then, :meth:`Embeddings.switch` goes on making the embeddings.

        Returns
        -------
        What :func:`simsearch.deep.learn` returns: ``network``, the path of what was kept or None, whether it
        is ``better``, what was measured, the ``history`` of the training; ``verdict``, that in a sentence;
        and ``unknown``, the paths among the labels that are not in the library.

        Raises
        ------
        FolderError
            When the labels cannot be read, or the library knows nothing below the folder.
        LearningError
            When there is nothing to learn from, or the network cannot be trained.
        LibraryError
            When another process is indexing into this library.
        ValueError
            When labels and under are given, or a number is too small.
        WriteError
            When the network cannot be written.
        """
        if labels is not None and under is not None:
            raise ValueError("give labels or under, not both")
        if unfreeze < 0 or (epochs is not None and epochs < 1):
            raise ValueError("unfreeze must be 0 or more, and epochs 1 or more")
        from simsearch import deep, lessons

        progress = progress or (lambda told: None)
        with running.sole_writer(self.path):
            kinds, unknown, _ = self._kinds(labels, under)
            result = deep.learn(
                self._store,
                self.encoder,
                kinds,
                self.path,
                unfreeze=unfreeze,
                epochs=deep.EPOCHS if epochs is None else epochs,
                seed=seed,
                force=force,
                progress=progress,
            )
        if result["network"]:
            self._take_up(result["network"], progress)
            wishes: dict[str, Any] = {"labels": labels, "under": under, "force": True}
            self.learn(result["lesson"], **(wishes if result["lesson"] == "folders" else {}))
            if result["lesson"] == "folders":
                lessons.note_gain(self._store, result["raw"], result["deep_folders"], result["asked"])
        return {**result, "verdict": deep.verdict(result), "unknown": unknown}


def _wish(k: int, engine: str, rerank: bool, diversity: float, fold: bool) -> Wish:
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    known = ("auto", *ENGINES, MILVUS)
    if engine not in known:
        raise ValueError(f"engine must be one of {', '.join(known)}, not {engine}")
    if not 0 <= diversity <= 1:
        raise ValueError(f"diversity must be from 0 to 1, not {diversity}")
    return Wish(k, engine, rerank, diversity, fold)


def _agree(folder: Path, serving: str | None, asked: str | None) -> str:
    """Return the name of the network to use: the library's own, which nobody may contradict."""
    from simsearch.encoder import is_file_name

    if asked is not None and is_file_name(asked):
        asked = Path(asked).stem
    if serving is None:
        return asked or DEFAULT_BACKBONE
    if asked is not None and asked.lower() != serving.lower():
        raise EncoderMismatch(folder, serving, asked)
    return serving
