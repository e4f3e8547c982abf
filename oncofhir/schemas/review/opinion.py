"""What a human says of a finding: the value in force and each reviewer's word."""

from datetime import datetime

from oncofhir.schemas.base import StoredValue
from oncofhir.schemas.finding import Coding
from oncofhir.schemas.outcome import ReviewStatus


class ReviewedValue(StoredValue):
    """The value of a finding, as the machine or a human states it.

    `value` is in normal form (`PhenotypeRow.value`). A size has `number` and `dimensions`, longest first, in
    `unit` ("mm"). The first coding is the preferred one.
    """

    value: str
    number: float | None = None
    unit: str | None = None
    dimensions: tuple[float, ...] = ()
    codings: tuple[Coding, ...] = ()


class Opinion(StoredValue):
    """One reviewer's last word on a finding.

    `reviewer` is a reference such as `Practitioner/7`, or `system|value` of a login; None if the store does
    not name the human. `display` is their name, if it is known; it is never published. `value`
    is None where the reviewer left the machine's. `unsure` is the verdict NotSure, with status unreviewed.
    `comment` is what the reviewer wrote: it may hold PHI and is never published.
    """

    status: ReviewStatus
    reviewer: str | None = None
    display: str | None = None
    at: datetime
    value: ReviewedValue | None = None
    unsure: bool = False
    comment: str | None = None
