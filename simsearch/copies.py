"""Sorting files that show the same into groups: the best of each, and how every other one differs from it.

A chain of likenesses proves nothing: two crops of one picture may have no pixel in common, and where each of
a hundred frames is like the next, the last is not like the first. So whatever is called a copy was compared
with the best itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cmp_to_key
from math import sqrt
from typing import NamedTuple

from simsearch.facts import Exposure, are_two
from simsearch.joined import Joined
from simsearch.pairs import Pair
from simsearch.registration import Match
from simsearch.sketches import turn_in_words
from simsearch.versions import Version, advantage, are_raw_and_picture

EXACT, RESAVED, CROP = RELATIONS = ("exact", "re-saved", "crop")
RECOLOURED = "other colours"  # of what was done to a copy: where all was grey, it may be another thing
"""Equal bytes; the same picture but for size, compression, tones, or how it lies; a part of it."""

_MOST = 50  # contents that show one thing: of so many each is compared with the best, however it came there
_RESIZED = 0.03  # of a side; less is rounding

Compare = Callable[[int, int], Pair | None]  # from two ids to how one shows the other, if it does


class File(NamedTuple):
    """A photo.

    Attributes
    ----------
    id
        The photo's.
    content
        What stands for its bytes.
    version
        What makes it better or worse than others.
    shot
        The camera and when it took it, where the photo says both: two shots are no copies of each other.
    """

    id: int
    content: str
    version: Version
    shot: Exposure | None = None


class Same(NamedTuple):
    """A file that shows the same as a better one.

    Attributes
    ----------
    id
        The photo's.
    relation
        One of ``RELATIONS``.
    changes
        What was done to it, in words.
    reason
        Why the other is better.
    checked
        Whether their files were compared; otherwise only their thumbnails were.
    equal_to
        Another that is not the best, and has the same bytes; None for the first of these.
    """

    id: int
    relation: str
    changes: tuple[str, ...]
    reason: str
    checked: bool = True
    equal_to: int | None = None


class Group(NamedTuple):
    """Files that show the same: the id of the best, and the others."""

    best: int
    copies: tuple[Same, ...]


def grouped(
    files: Iterable[File], pairs: Iterable[Pair], different: set[tuple[int, int]], compare: Compare
) -> list[Group]:
    """Return the groups of files that show the same.

    Parameters
    ----------
    files
        All that are in a pair, or that another has the bytes of.
    pairs
        Those that were found to show the same. Of files of equal bytes one stands for all.
    different
        Ids, the smaller first, of those that the user says are not the same.
    compare
        Tells of two that no pair names.
    """
    # In one order: of three versions each may be better than the next, and the last than the first.
    ordered = sorted(files, key=lambda file: file.id), sorted(pairs)
    return list(_Sorting(*ordered, different, compare).groups())


def changes(best: Version, other: Version, match: Match) -> tuple[str, ...]:
    """Return what was done to a version that lies in a better one so, in words."""
    place = match.place
    done = []
    if match.is_whole:
        scale = sqrt(other.pixels / best.pixels)
    else:
        done.append(f"{place.width * place.height:.0%} of it")
        sides = (other.height, other.width) if place.turn & 4 else (other.width, other.height)
        scale = sides[0] / (place.width * best.width)
    if abs(scale - 1) > _RESIZED:
        done.append(f"scaled to {scale:.0%}" if scale < 1 else f"in more pixels: {scale:.0%}")
    if turned := turn_in_words(place.turn):
        done.append(turned)
    done += [word for word, is_so in (("other brightness", match.tone), (RECOLOURED, match.colour)) if is_so]
    if best.path.suffix.lower() != other.path.suffix.lower():
        done.append(f"saved as {other.path.suffix[1:].upper()}")
    return tuple(done) or ("saved again",)


class _Sorting:
    """Sorts contents, each with the files that have these bytes."""

    def __init__(
        self,
        files: Iterable[File],
        pairs: Iterable[Pair],
        different: set[tuple[int, int]],
        compare: Compare,
    ) -> None:
        by_content: dict[str, list[File]] = defaultdict(list)
        content_of: dict[int, str] = {}
        for file in files:
            by_content[file.content].append(file)
            content_of[file.id] = file.content
        self._files = dict(by_content)
        self._apart = {
            frozenset((content_of[one], content_of[other]))
            for one, other in different
            if one in content_of and other in content_of
        }
        self._compare = compare
        self._content_of = content_of
        # By content, of each other that is linked to it, which is the whole, and how the part lies in it.
        self._links: dict[str, dict[str, tuple[str, Match]]] = defaultdict(dict)
        self._unchecked: set[frozenset[str]] = set()
        for pair in pairs:
            self._link(pair)
        self._best = {content: self._best_of(some) for content, some in self._files.items()}

    def _link(self, pair: Pair) -> None:
        whole, part = self._content_of.get(pair.whole), self._content_of.get(pair.part)
        if whole is None or part is None:  # it came after the files were read
            return
        if whole != part and self._may_be_same(whole, part):
            self._links[whole][part] = self._links[part][whole] = whole, pair.match
            if not pair.checked:
                self._unchecked.add(frozenset((whole, part)))

    def _may_be_same(self, one: str, other: str) -> bool:
        """Whether neither the user nor the camera says that two contents are not the same."""
        two_shots = are_two(self._files[one][0].shot, self._files[other][0].shot)
        return frozenset((one, other)) not in self._apart and not two_shots

    def groups(self) -> Iterator[Group]:
        """Yield the groups."""
        for contents in self._connected(list(self._files)):
            for best, matches in self._stars(contents).items():
                group = self._told(best, matches)
                if group.copies:
                    yield group

    def _stars(self, contents: list[str]) -> dict[str, dict[str, Match]]:
        """Return contents that are linked, around the best of them: how the others lie in these."""
        ask = len(contents) <= _MOST
        stars: dict[str, dict[str, Match]] = {} if ask else self._linked_stars(contents)
        left = contents if ask else []
        while left:
            best, matches, left = self._around_best(left)
            stars[best] = matches
        if len(stars) > 1:
            self._settle(stars, ask)
        return stars

    def _linked_stars(self, contents: list[str]) -> dict[str, dict[str, Match]]:
        """Return the same of very many: they are put in one order, and none is asked about."""
        left = dict.fromkeys(sorted(contents, key=cmp_to_key(self._order)))
        stars = {}
        while left:
            for best in [file.content for file in self._wholes(list(left))]:
                if best not in left:
                    continue
                del left[best]
                known = {one: self._match(best, one, ask=False) for one in self._links[best] if one in left}
                stars[best] = {one: match for one, match in known.items() if match}
                for one in stars[best]:
                    del left[one]
        return stars

    def _order(self, one: str, other: str) -> int:
        return -1 if self._advantage(self._best[one], self._best[other]) else 1

    def _settle(self, stars: dict[str, dict[str, Match]], ask: bool) -> None:
        """Move each content to the best that it agrees with most: the first to come took all it could."""
        order = {centre: place for place, centre in enumerate(stars)}
        for matches in list(stars.values()):
            for content in list(matches):
                centres = stars if ask else self._links[content].keys() & stars.keys()
                fits = {
                    centre: match for centre in centres if (match := self._match(centre, content, ask=ask))
                }
                nearest = max(fits, key=lambda one: (fits[one].is_whole, fits[one].agreement, -order[one]))
                del matches[content]
                stars[nearest][content] = fits[nearest]
        for best, matches in list(stars.items()):  # what came may be better than the one it came to
            group = [best, *matches]
            better = self._best_of(self._wholes(group)).content
            if better != best:
                again = {one: self._match(better, one, ask=ask) for one in group if one != better}
                if all(again.values()):
                    del stars[best]
                    stars[better] = {one: match for one, match in again.items() if match}

    def _connected(self, contents: list[str]) -> list[list[str]]:
        """Return contents in sets that are linked."""
        joined, wanted = Joined(), set(contents)
        for content in contents:
            for other in self._links[content].keys() & wanted:
                joined.join(content, other)
        sets = defaultdict(list)
        for content in contents:
            sets[joined.of(content)].append(content)
        return list(sets.values())

    def _around_best(self, contents: list[str]) -> tuple[str, dict[str, Match], list[str]]:
        """Return the best of contents, how those that are like it lie in it, and those that are not."""
        best = self._best_of(self._wholes(contents)).content
        matches = {one: self._match(best, one, ask=True) for one in contents if one != best}
        alike = {one: match for one, match in matches.items() if match}
        return best, alike, [one for one, match in matches.items() if not match]

    def _wholes(self, contents: list[str]) -> list[File]:
        """Return the best files of contents that are not a part of another of them, or else of all."""
        here = set(contents)
        parts = {
            content
            for content in contents
            for other in self._links[content].keys() & here
            if self._links[content][other][0] == other and not self._links[content][other][1].is_whole
        }
        return [self._best[content] for content in contents if content not in parts or parts == here]

    def _best_of(self, files: list[File]) -> File:
        best = files[0]
        for file in files[1:]:
            if self._advantage(file, best):
                best = file
        return best

    def _advantage(self, one: File, other: File) -> str | None:
        """Return why a file is better than another, or None if it is not."""
        link = self._links[one.content].get(other.content)
        if link is None:
            return advantage(one.version, other.version)
        whole, match = link
        laid = match if whole == one.content else match.reversed()
        return advantage(one.version, other.version, **laid.of_the_whole)

    def _match(self, best: str, other: str, *, ask: bool) -> Match | None:
        """Return how a content lies in the best, if it is known to, or proves to when asked."""
        if other not in self._links[best] and ask and self._may_be_same(best, other):
            pair = self._compare(self._best[best].id, self._best[other].id)
            if pair:
                self._link(pair)
        if other not in self._links[best]:
            return None
        whole, match = self._links[best][other]
        if whole == best:
            return match
        if not match.is_whole:  # the best is a part of it
            return None
        return match.reversed()

    def _told(self, best: str, matches: dict[str, Match]) -> Group:
        """Return a group of the files of some contents."""
        first = self._best[best]
        copies = [
            Same(file.id, EXACT, (), self._advantage(first, file) or "as good")
            for file in self._files[best]
            if file != first
        ]
        for content, match in matches.items():
            checked = frozenset((best, content)) not in self._unchecked
            files = self._files[content]
            beside = [file for file in files if are_raw_and_picture(first.version, file.version)]
            equal = beside[0] if beside else self._best[content]
            for file in files:
                if file in beside:
                    continue
                done = changes(first.version, file.version, match)
                relation, reason = CROP, "shows all of it"
                if match.is_whole:
                    relation, reason = RESAVED, self._advantage(first, file) or "as good"
                equal_to = None if file == equal else equal.id
                copies.append(Same(file.id, relation, done, reason, checked, equal_to))
        return Group(
            first.id, tuple(sorted(copies, key=lambda same: (RELATIONS.index(same.relation), same.id)))
        )
