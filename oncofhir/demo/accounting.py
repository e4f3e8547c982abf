"""Compares what was published with the outcomes: no report may be lost."""

from collections import Counter
from collections.abc import Mapping

from oncofhir.consumers.kafka.records import Coordinates
from oncofhir.schemas.base import Value
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow, RowStatus


class Published(Value):
    """A record on an input topic and its number of reports."""

    coordinates: Coordinates
    reports: int = 1


class Account:
    """Collects outcomes and rows, and counts the reports that have none yet."""

    def __init__(self, published: tuple[Published, ...]) -> None:
        self._expected = {record.coordinates: record.reports for record in published}
        self._outcomes: dict[Coordinates, dict[str, OutcomeRow]] = {at: {} for at in self._expected}
        self._rows: dict[str, PhenotypeRow] = {}
        self.rows_seen = 0
        self.dead_letters: dict[Coordinates, str] = {}

    def outcome(self, at: Coordinates, row: OutcomeRow) -> None:
        """Add an outcome row. Duplicates count once; rows of other records are ignored."""
        if at in self._outcomes:
            self._outcomes[at][f"{row.source}|{row.source_version}"] = row

    def dead_letter(self, at: Coordinates, reason: str) -> None:
        """Add a dead letter, which accounts for every report of its record."""
        if at in self._expected:
            self.dead_letters[at] = reason

    def row(self, row: PhenotypeRow) -> None:
        """Add a phenotype row. The highest revision of a finding counts."""
        self.rows_seen += 1
        known = self._rows.get(row.finding)
        if known is None or row.revision >= known.revision:
            self._rows[row.finding] = row

    @property
    def outcomes(self) -> tuple[OutcomeRow, ...]:
        """All outcomes, in the order in which their records were published."""
        return tuple(row for rows in self._outcomes.values() for row in rows.values())

    @property
    def findings(self) -> tuple[PhenotypeRow, ...]:
        """The current findings."""
        return tuple(row for row in self._rows.values() if row.status is RowStatus.CURRENT)

    @property
    def reports(self) -> int:
        return sum(self._expected.values())

    @property
    def accounted(self) -> int:
        """Number of reports with an outcome or a dead letter."""
        return sum(
            reports if at in self.dead_letters else min(reports, len(self._outcomes[at]))
            for at, reports in self._expected.items()
        )

    @property
    def lost(self) -> int:
        """Reports published minus reports with an outcome."""
        return self.reports - self.accounted

    def counts(self) -> Mapping[str, int]:
        """Number of reports processed, skipped and dead-lettered; the sum is `accounted`."""
        skipped = {OutcomeStatus.SKIPPED, OutcomeStatus.OUTDATED}
        counts: Counter[str] = Counter(processed=0, skipped=0, dead_lettered=0)
        for at, reports in self._expected.items():
            if at in self.dead_letters:
                counts["dead_lettered"] += reports
                continue
            for row in list(self._outcomes[at].values())[:reports]:
                if row.status is OutcomeStatus.DEAD_LETTERED:
                    counts["dead_lettered"] += 1
                else:
                    counts["skipped" if row.status in skipped else "processed"] += 1
        return counts
