"""Compares what humans said of findings: FHIR server against phenotype topic. No content is kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from oncofhir.consumers.kafka.bounded_reader import BoundedReader
from oncofhir.consumers.reconciliation.ledger import Discrepancy, Problem
from oncofhir.contracts.registry.row_decoder import RowDecoder
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.head import Head
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus
from oncofhir.settings import KafkaSettings


class PublishedReviews:
    """The revision and the review status that the phenotype topic has for each finding since a time."""

    def __init__(self, since: datetime | None) -> None:
        self._since = since
        self._rows: dict[int, tuple[int, ReviewStatus]] = {}

    def add(self, row: PhenotypeRow) -> None:
        """Add a row; the highest revision of a finding counts, of equal ones the last."""
        known = self._rows.get(hash(row.finding))
        if known is None or row.revision >= known[0]:
            self._rows[hash(row.finding)] = (row.revision, row.review_status)

    def problem(self, head: Head) -> Problem | None:
        """Return how a document's reviews differ from the topic; None if they do not.

        A finding without a row in the range is compared only if it was reviewed in the range.
        """
        for row in head.published_rows:
            known = self._rows.get(hash(row.finding))
            if known is None and self._is_before(row.reviewed_at):
                continue
            revision, status = known or (0, ReviewStatus.UNREVIEWED)
            if revision > row.revision and status is not row.review_status:
                return Problem.STORE_BEHIND
            if status is not row.review_status:
                return Problem.REVIEW_UNPUBLISHED
        return None

    def _is_before(self, moment: datetime | None) -> bool:
        return moment is None or (self._since is not None and moment < self._since)


def read_reviews(
    reader: BoundedReader, kafka: KafkaSettings, since: datetime | None
) -> PublishedReviews:
    """Read the phenotype topic from `since` on. Blocking.

    Raises:
        DependencyUnavailable, AccessDenied, RequestRejected: as the broker answers.
    """
    published = PublishedReviews(since)
    decoder = RowDecoder.of(kafka)
    since_ms = None if since is None else int(since.timestamp() * 1000)
    for record in reader.read_to_end(kafka.phenotype_topic, since_ms):
        try:
            published.add(PhenotypeRow.model_validate_json(decoder.json(record.value or b"")))
        except ValueError:
            continue  # a tombstone, or no row
    return published


async def check_reviews(
    client: FhirClient,
    published: PublishedReviews,
    head: Head,
    now: datetime,
    late_seconds: float,
    *,
    edits: bool,
) -> list[Discrepancy]:
    """Return the problems of a document's reviews. With `edits` its resources are read and compared too.

    Reviews within the last `late_seconds` may still be on their way.

    Raises:
        DependencyUnavailable, AccessDenied: as the store answers.
    """
    found = [problem] if (problem := published.problem(head)) is not None else []
    if edits and not head.write_in_progress:
        stored = await _stored(client, head)
        if head.unread_edits(stored):
            found.append(Problem.EDIT_UNREAD)
    latest = max((r.at for r in head.reviews.values()), default=head.asserted)
    age = max(0, int((now - latest).total_seconds()))
    if age < late_seconds:
        found = [each for each in found if each is Problem.EDIT_UNREAD]
    return [Discrepancy(problem=each, document=head.document, age_seconds=age) for each in found]


async def _stored(client: FhirClient, head: Head) -> Mapping[str, dict[str, Any]]:
    """The head's resources, by this service's reference."""
    own = {head.server_reference(reference): reference for reference in head.tracked_references}
    capability = await client.capability()
    stored = await client.read_many(list(own), batch=capability.batch)
    return {own[reference]: resource for reference, resource in stored.items()}
