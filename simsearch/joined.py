"""Things that belong together because of others between them."""

from __future__ import annotations

from collections.abc import Hashable


class Joined:
    """Disjoint sets, which grow together (B. A. Galler and M. J. Fischer, 1964)."""

    def __init__(self) -> None:
        self._above: dict[Hashable, Hashable] = {}

    def of(self, thing: Hashable) -> Hashable:
        """Return the one that stands for all that a thing was joined with."""
        path = []
        while (above := self._above.get(thing, thing)) != thing:
            path.append(thing)
            thing = above
        for passed in path:
            self._above[passed] = thing
        return thing

    def join(self, one: Hashable, other: Hashable) -> None:
        """Make two things, and all that each was joined with, one set."""
        self._above[self.of(other)] = self.of(one)
