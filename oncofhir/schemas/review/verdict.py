"""Verdicts of a reviewer, and what came of them."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Coding, Kind
from oncofhir.schemas.review.report_view import ReviewedFinding

_LOCAL = "urn:oncofhir:local-reviewer"


class Reviewer(Value):
    """Who decides. `reference` is a FHIR reference (Practitioner/7), or None: `identifier` names a login.

    `identifier` is (system, value): the issuer and the subject of the OIDC token. `display` is a name.
    """

    display: str
    reference: str | None = None
    identifier: tuple[str, str] | None = None

    @property
    def key(self) -> str:
        """What identifies the reviewer in rows: the reference, else `system|value`."""
        return self.reference or "|".join(self.login)

    @property
    def login(self) -> tuple[str, str]:
        """The identifier, or one of the name where there is no login (single-user mode)."""
        return self.identifier or (_LOCAL, self.display)


class Confirm(Value):
    """The finding is right."""

    verdict: Literal["confirm"] = "confirm"
    finding: str
    comment: str | None = None


class Correct(Value):
    """The finding has another value or code. The value is checked and coded like a model's."""

    verdict: Literal["correct"] = "correct"
    finding: str
    value: str = Field(min_length=1, max_length=500)
    coding: Coding | None = None
    comment: str | None = None


class Refute(Value):
    """The finding is wrong. `in_error`: it should never have been recorded (entered-in-error)."""

    verdict: Literal["refute"] = "refute"
    finding: str
    in_error: bool = False
    comment: str | None = None


class NotSure(Value):
    """The reviewer cannot decide: the resource stays, and the finding stays on the worklist for another."""

    verdict: Literal["not-sure"] = "not-sure"
    finding: str
    comment: str | None = None


class AddMissed(Value):
    """A finding that the model missed. `start` and `end` are code-point offsets of `ReportView.text`.

    `lesion` is the tumour to which it belongs (`LesionView.id`), None if the report has only one.
    """

    verdict: Literal["add-missed"] = "add-missed"
    document: str
    start: int = Field(ge=0)
    end: int
    kind: Kind
    slot: str | None = None
    value: str = Field(min_length=1, max_length=500)
    coding: Coding | None = None
    lesion: str | None = None
    comment: str | None = None


class Undo(Value):
    """Take back the last verdict on a finding: the resource returns to its content before it."""

    verdict: Literal["undo"] = "undo"
    finding: str


Verdict = Confirm | Correct | Refute | NotSure | AddMissed | Undo


class Difference(Value):
    """What changed since the reviewer saw the finding. `element` is a FHIR element path."""

    element: str
    seen: str | None
    now: str | None


class OutcomeKind(StrEnum):
    """What came of a verdict."""

    DONE = "done"
    CONFLICT = "conflict"
    """Somebody else changed the finding: nothing was written; `differences` and `finding` show it."""
    REPORT_NOT_FOUND = "report-not-found"
    FINDING_NOT_FOUND = "finding-not-found"
    INVALID_VALUE = "invalid-value"
    """The value is none of the phenotype's; `detail` names the accepted form."""
    NOTHING_TO_UNDO = "nothing-to-undo"
    STORE_REFUSED = "store-refused"
    """The store rejects the transaction; `detail` has no PHI."""
    STORE_UNAVAILABLE = "store-unavailable"
    """Nothing was written; the same verdict may be sent again."""


class VerdictOutcome(Value):
    """What came of a verdict. `finding` is its state afterwards, where there is one.

    `changed_by`, `changed_by_name` and `changed_at` tell who was faster in a conflict. `published` is False
    while the row waits for the broker.
    """

    kind: OutcomeKind
    finding: ReviewedFinding | None = None
    differences: tuple[Difference, ...] = ()
    changed_by: str | None = None
    changed_by_name: str | None = None
    changed_at: datetime | None = None
    detail: str | None = None
    published: bool = False
