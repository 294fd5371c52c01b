"""Indexes over embeddings: from a query vector to the ids of its nearest neighbours.

An index knows nothing of photos. It is derived from the store and can be made anew at any time. Three
engines do what :class:`simsearch.index.local.LocalIndex` says:

    exact   compares every vector; the truth, and the quickest for a small collection
    faiss   reads sign bits and ranks the best exactly; for large collections
    lsh     looks into the buckets near the query; needs no training and scans little

A fourth, "milvus", has a server do it, for collections that no single machine holds. It adds, removes and
searches as they do, but has no file; it is a projection of the store, filled by a push
(:mod:`simsearch.pushing`), and so never chosen or made by itself.
"""

ENGINES = ("exact", "faiss", "lsh")
MILVUS = "milvus"
EXACT_BELOW = 20_000  # vectors; comparing with each takes less time than importing FAISS


def suitable_engine(count: int) -> str:
    """Return the engine that "auto" stands for, for a number of vectors."""
    return "exact" if count < EXACT_BELOW else "faiss"
