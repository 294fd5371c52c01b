"""What a run of indexing did."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

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
    missing
        Photos of the library whose file is gone; they return to search when the file does.
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
    missing: int = 0
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

    def __str__(self) -> str:
        counts = (
            f"{self.added} added, {self.updated} updated, {self.unchanged} unchanged, {self.moved} moved, "
            f"{len(self.skipped)} skipped, {len(self.failed)} failed"
        )
        gone = f", {self.missing} no longer there" if self.missing else ""
        stopped = "stopped early, run it again to continue: " if self.interrupted else ""
        return f"{stopped}{counts}{gone} ({self.found} files in {self.seconds:.1f} s)"
