"""Find, in your own photo collection, the pictures most like one you have just been handed.

    from simsearch import Library

    library = Library.open("index")
    print(library.sync("~/Pictures"))
    for hit in library.search("cup.jpg", k=15):
        print(f"{hit.score:.3f}  {hit.path}")

Importing this imports nothing else: each name is fetched when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simsearch.benchmark import Benchmark, compare_backbones
    from simsearch.choices import Choices
    from simsearch.encoder import Encoder, list_backbones
    from simsearch.errors import (
        AlbumError,
        BackboneError,
        ClusterError,
        DerivedFileError,
        EncoderMismatch,
        FolderError,
        LearningError,
        LibraryError,
        NoLibrary,
        PhotoError,
        SimsearchError,
        StorageError,
        WriteError,
    )
    from simsearch.filters import Filters
    from simsearch.groups import Burst
    from simsearch.handing import Copy, CopyGroup
    from simsearch.inventory import Inventory, Known
    from simsearch.library import Library
    from simsearch.maps import Map
    from simsearch.report import Report
    from simsearch.searching import Hit, Query

__all__ = [
    "AlbumError",
    "BackboneError",
    "Benchmark",
    "Burst",
    "Choices",
    "ClusterError",
    "Copy",
    "CopyGroup",
    "DerivedFileError",
    "Encoder",
    "EncoderMismatch",
    "Filters",
    "FolderError",
    "Hit",
    "Inventory",
    "Known",
    "LearningError",
    "Library",
    "LibraryError",
    "Map",
    "NoLibrary",
    "PhotoError",
    "Query",
    "Report",
    "SimsearchError",
    "StorageError",
    "WriteError",
    "compare_backbones",
    "list_backbones",
]

_ELSEWHERE = {
    "Benchmark": "benchmark",
    "Burst": "groups",
    "Choices": "choices",
    "Copy": "handing",
    "CopyGroup": "handing",
    "Encoder": "encoder",
    "Filters": "filters",
    "Hit": "searching",
    "Inventory": "inventory",
    "Known": "inventory",
    "Library": "library",
    "Map": "maps",
    "Query": "searching",
    "Report": "report",
    "compare_backbones": "benchmark",
    "list_backbones": "encoder",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
