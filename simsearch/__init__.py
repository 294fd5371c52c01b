"""Find, in your own photo collection, the pictures most like one you have just been handed.

    from simsearch import Library

    library = Library.open("index")
    print(library.sync("~/Pictures"))
    for hit in library.search("cup.jpg", k=15):
        print(f"{hit.score:.3f}  {hit.path}")

Importing this imports neither TensorFlow, FAISS nor Streamlit.
"""

from simsearch.errors import (
    BackboneError,
    DerivedFileError,
    EncoderMismatch,
    FolderError,
    LibraryError,
    PhotoError,
    SimsearchError,
    WriteError,
)
from simsearch.library import Hit, Library
from simsearch.sync import Report

__all__ = [
    "BackboneError",
    "DerivedFileError",
    "EncoderMismatch",
    "FolderError",
    "Hit",
    "Library",
    "LibraryError",
    "PhotoError",
    "Report",
    "SimsearchError",
    "WriteError",
]
