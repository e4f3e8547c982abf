"""SQL of a worklist page. Every value is a parameter."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from oncofhir.schemas.review import PageRequest, ReviewReason, ReviewSort, WorklistFilter

BITS = {reason: 1 << position for position, reason in enumerate(ReviewReason)}
_ORDER = {
    ReviewSort.GAIN: "priority DESC, reported, finding",
    ReviewSort.NEWEST: "reported DESC, document, finding",
    ReviewSort.OLDEST: "reported, document, finding",
    ReviewSort.CONFIDENCE: "confidence IS NULL, confidence, finding",
}
_OF_DOCUMENT = {
    "report": "document IN (SELECT document FROM documents WHERE report = ?)",
    "patient": "document IN (SELECT document FROM documents WHERE patient = ?)",
}
_FACETS = {"kinds": "kind", "sites": "site", "body_sites": "body_site", "models": "model"}


class Condition:
    """A WHERE clause and its parameters."""

    def __init__(self, wanted: WorklistFilter) -> None:
        self._parts: list[str] = []
        self.parameters: list[Any] = []
        if wanted.reasons:
            self._add("reasons & ? != 0", bits(wanted.reasons))
        elif not wanted.review:
            self._parts.append("reasons > 0")
        self._one_of("review", [status.value for status in wanted.review])
        self._one_of("kind", [kind.value for kind in wanted.kinds])
        for column in ("site", "body_site", "model", "reviewer", "document"):
            value = getattr(wanted, column)
            if value is not None:
                self._add(f"{column} = ?", value)
        if wanted.reported_since is not None:
            self._add("reported >= ?", utc(wanted.reported_since))
        if wanted.reported_before is not None:
            self._add("reported < ?", utc(wanted.reported_before))
        for column in ("report", "patient"):
            value = getattr(wanted, column)
            if value is not None:
                self._add(_OF_DOCUMENT[column], value)

    @property
    def sql(self) -> str:
        return " AND ".join(self._parts) or "1"

    def _add(self, part: str, parameter: Any) -> None:
        self._parts.append(part)
        self.parameters.append(parameter)

    def _one_of(self, column: str, values: list[str]) -> None:
        if values:
            self._parts.append(f"{column} IN ({', '.join('?' * len(values))})")
            self.parameters += values


def utc(moment: datetime) -> str:
    """A time as the index keeps it: comparable as text."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def bits(reasons: Iterable[ReviewReason]) -> int:
    """The reasons as one number, one bit each."""
    return sum(BITS[reason] for reason in set(reasons))


def page_sql(condition: Condition, page: PageRequest, sort: ReviewSort) -> tuple[str, list[Any]]:
    """The query of the items of a page: item and version_id."""
    sql = (
        f"SELECT item, version_id FROM findings WHERE {condition.sql} "  # noqa: S608 - no values
        f"ORDER BY {_ORDER[sort]} LIMIT ? OFFSET ?"
    )
    return sql, [*condition.parameters, page.limit, page.offset]


def totals_sql(condition: Condition) -> str:
    """The query of the number of findings, of their documents, and of the findings per reason."""
    sums = ", ".join(f"SUM(reasons & {bit} != 0)" for bit in BITS.values())
    return f"SELECT COUNT(*), COUNT(DISTINCT document), {sums} FROM findings WHERE {condition.sql}"  # noqa: S608 - no values


def facet_sql(condition: Condition) -> dict[str, str]:
    """The queries of the facets: value and number."""
    return {
        name: f"SELECT {column}, COUNT(*) FROM findings WHERE {condition.sql} "  # noqa: S608 - no values
        f"AND {column} IS NOT NULL GROUP BY {column} ORDER BY 2 DESC LIMIT 100"
        for name, column in _FACETS.items()
    }
