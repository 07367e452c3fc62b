"""Which result of an instant stands, when several came: duplicates, corrections, and what they replace.

Pure. The outcome does not depend on how the log was cut into batches, and what is delivered again changes nothing:
of every content that ever came, either it or a later telling of the same result is stored or among the revisions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Content:
    """What came for one instant of one Datastream; `row` holds all its columns."""

    result: float | None  # None: missing
    result_time: datetime | None
    row: tuple[Any, ...] = ()

    @property
    def told(self) -> datetime:
        """When it was told; contents without a `result_time` come before all others."""
        return self.result_time or BEGINNING


@dataclass
class Instant:
    """One key (Datastream, phenomenon time): the content that stands and those that do not."""

    stands: Content | None = None
    revisions: list[Content] = field(default_factory=list)
    inserted: int = 0
    revised: int = 0
    duplicates: int = 0

    def take(self, contents: Iterable[Content]) -> None:
        """Take contents in the order of the log.

        The same result again is a duplicate. Of different ones the later `result_time` stands, else the later in the
        log; the other one becomes a revision.
        """
        for content in contents:
            if self.stands is None:
                self.stands = content
                self.inserted += 1
            elif content.result == self.stands.result:
                self.duplicates += 1
                if content.told > self.stands.told:  # confirmed later: an older correction may not replace it
                    self.stands = replace(self.stands, result_time=content.result_time)
            elif any(one.result == content.result and one.told >= content.told for one in self.revisions):
                self.duplicates += 1
            else:
                self.revised += 1
                if content.told >= self.stands.told:
                    content, self.stands = self.stands, content
                self.revisions.append(content)
