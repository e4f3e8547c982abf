"""Counts of a backfill, which survive its restarts, and whether they add up."""

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from oncofhir.ingest.backfill.messages import Prepared
from oncofhir.schemas.base import StoredValue


class Counts(StoredValue):
    """How the items of a source ended.

    `read` counts what the source gave, `again` what it gave again after a restart and was left alone.
    `published` is by type and status, `skipped` by reason code; `broken` are those of the skipped ones that
    should have been reports, `dead_lettered` those of the broken ones that are in the dead-letter topic.
    """

    read: int = 0
    again: int = 0
    published: dict[str, dict[str, int]] = Field(default_factory=dict)
    skipped: dict[str, int] = Field(default_factory=dict)
    broken: int = 0
    dead_lettered: int = 0

    @property
    def total_published(self) -> int:
        return sum(sum(by_status.values()) for by_status in self.published.values())

    @property
    def total_skipped(self) -> int:
        return sum(self.skipped.values())

    @property
    def reconciles(self) -> bool:
        """Whether every item that was read was published, skipped or given before."""
        return self.read == self.total_published + self.total_skipped + self.again

    def with_results(
        self, read: int, results: Iterable[Prepared], *, again: int = 0, dead_lettered: int = 0
    ) -> "Counts":
        """Return the counts after a page of `read` items, with the results of those not given before."""
        published = {kind: dict(by_status) for kind, by_status in self.published.items()}
        skipped, broken = dict(self.skipped), self.broken
        for result in results:
            if result.reason is not None:
                skipped[result.reason.value] = skipped.get(result.reason.value, 0) + 1
                broken += result.is_broken
            else:
                by_status = published.setdefault(str(result.kind), {})
                by_status[str(result.status)] = by_status.get(str(result.status), 0) + 1
        return Counts(
            read=self.read + read,
            again=self.again + again,
            published=published,
            skipped=skipped,
            broken=broken,
            dead_lettered=self.dead_lettered + dead_lettered,
        )

    def summary(self) -> dict[str, Any]:
        """Return the counts as JSON for the summary."""
        return {
            "read": self.read,
            "published": self.total_published,
            "published_by_type": self.published,
            "skipped": self.total_skipped,
            "skipped_by_reason": self.skipped,
            "read_again": self.again,
            "dead_lettered": self.dead_lettered,
            "reconciles": self.reconciles,
        }
