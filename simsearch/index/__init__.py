"""Indexes over embeddings: from a query vector to the ids of its nearest neighbours.

An index knows nothing of photos. It is derived from the store and can be made anew at any time. Three
engines do what :class:`simsearch.index.local.LocalIndex` says:

    exact   compares every vector; the truth, and the quickest for a small collection
    faiss   reads sign bits and ranks the best exactly; for large collections
    lsh     looks into the buckets near the query; needs no training and scans little
"""

ENGINES = ("exact", "faiss", "lsh")
EXACT_BELOW = 20_000  # vectors; comparing with each takes less time than importing FAISS


def suitable_engine(count: int) -> str:
    """Return the engine that "auto" stands for, for a number of vectors."""
    return "exact" if count < EXACT_BELOW else "faiss"
