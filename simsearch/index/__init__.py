"""Indexes over embeddings: from a query vector to the ids of its nearest neighbours.

An index knows nothing of photos. It has ``add(ids, vectors)``, ``search(vectors, k)`` and ``len()``;
it is derived from the store and can be made anew at any time.
"""
