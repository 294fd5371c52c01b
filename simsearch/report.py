"""What a run of indexing did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from simsearch.photos import Refused


@dataclass
class Report:
    """What one run of indexing did; every file found is counted exactly once.

    Attributes
    ----------
    added, updated, unchanged, moved
        Numbers of photos.
    skipped, failed
        ``(path, reason)`` of each file that is no photo, and of each that could not be used.
    failed_before
        Those of the failed that were not looked at, as they have not changed since they failed.
    offline
        ``(path, reason)`` of each indexed folder that is not there just now, or suddenly empty. Its photos
        can still be found.
    missing
        Photos of the library whose file is gone; they return to search when the file does.
    reused
        Photos, moved or copied, that needed no encoding because an equal one was known.
    seconds_saved
        How much longer the run would have taken without that, about.
    seconds
        How long it took.
    interrupted
        Whether it was stopped before the end (Ctrl-C); what was done is kept.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    skipped: list[Refused] = field(default_factory=list)
    failed: list[Refused] = field(default_factory=list)
    failed_before: list[Refused] = field(default_factory=list)
    offline: list[Refused] = field(default_factory=list)
    missing: int = 0
    reused: int = 0
    seconds_saved: float = 0.0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def found(self) -> int:
        """Number of files the run has dealt with."""
        return self.added + self.updated + self.unchanged + self.moved + len(self.skipped) + len(self.failed)

    def __add__(self, other: Report) -> Report:
        """Add up the reports of two folders."""
        sums = {item.name: getattr(self, item.name) + getattr(other, item.name) for item in fields(self)}
        return Report(**sums | {"interrupted": self.interrupted or other.interrupted})

    def summary(self) -> dict[str, Any]:
        """Return it as plain values, with numbers of files in place of their names."""
        skipped = Counter(refused.reason for refused in self.skipped)
        lists = {"failed": len(self.failed), "failed_before": len(self.failed_before)}
        return {**vars(self), "skipped": dict(skipped.most_common()), **lists, "found": self.found}

    def __str__(self) -> str:
        counts = (
            f"{self.added} added, {self.updated} updated, {self.unchanged} unchanged, {self.moved} moved, "
            f"{len(self.skipped)} skipped, {len(self.failed)} failed"
        )
        gone = f", {self.missing} no longer there" if self.missing else ""
        saved = f", about {self.seconds_saved:.0f} s saved" if self.seconds_saved >= 1 else ""
        known = f"; {self.reused} known from before and not encoded again{saved}" if self.reused else ""
        stopped = "stopped early, run it again to continue: " if self.interrupted else ""
        files = "file" if self.found == 1 else "files"
        return f"{stopped}{counts}{gone}{known} ({self.found} {files} in {self.seconds:.1f} s)"
