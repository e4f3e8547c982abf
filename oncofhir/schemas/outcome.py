"""The rows that a warehouse reads: one per finding, one per document."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from oncofhir.schemas.base import StoredValue, Value
from oncofhir.schemas.extraction import Usage
from oncofhir.schemas.finding import Basis, Coding, Kind
from oncofhir.schemas.report import ReportWarning


class OutcomeStatus(StrEnum):
    """The result for a document's version."""

    FOUND = "found"
    NOTHING_FOUND = "nothing-found"
    SKIPPED = "skipped"
    OUTDATED = "outdated"
    RETRACTED = "retracted"
    OLDER_VERSION_IGNORED = "older-version-ignored"
    DUPLICATE_RESOURCE = "duplicate-resource"
    DEAD_LETTERED = "dead-lettered"

    @classmethod
    def _missing_(cls, value: object) -> "OutcomeStatus | None":
        """Read the names of 0.1.0."""
        current = RENAMED_STATUSES.get(str(value))
        return cls(current) if current is not None else None


RENAMED_STATUSES = {"stale": "older-version-ignored", "alias": "duplicate-resource"}
"""The names of 0.1.0 that differ, with the names of today."""


class RowStatus(StrEnum):
    """Whether a finding is in force."""

    CURRENT = "current"
    WITHDRAWN = "withdrawn"
    OUTDATED = "outdated"
    HUMAN_EDITED = "human-edited"


class RowOperation(StrEnum):
    """What a consumer does with a row: keep it, or take the finding out of its counts."""

    UPSERT = "upsert"
    RETRACT = "retract"


class ReviewStatus(StrEnum):
    """A human's review of a finding."""

    UNREVIEWED = "unreviewed"
    CONFIRMED = "confirmed"
    CORRECTED = "corrected"
    REFUTED = "refuted"
    ENTERED_IN_ERROR = "entered-in-error"
    DELETED = "deleted"


class RowEvidence(StoredValue):
    """Where the report says it, as `Evidence`; `text` is null unless the site publishes it."""

    start: int = Field(description="Offset in the report's text, in code points.")
    end: int = Field(description="End of the passage, exclusive.")
    text: str | None = Field(
        None,
        description="The quoted words: PHI. Null unless ONCOFHIR_KAFKA__EVIDENCE_TEXT is true.",
    )
    path: str = Field(description="FHIR element: DiagnosticReport.presentedForm[0].")
    attachment_start: int = Field(description="Offset in that element's own decoded text.")


class PhenotypeRow(StoredValue):
    """One finding, flat and keyed by `finding`; the highest `revision` of a key counts."""

    finding: str = Field(description="Identity of the finding, a UUID; the record's key.")
    document: str = Field(description="Identity of the document, a UUID; joins the outcome row.")
    revision: int = Field(
        description="Grows with every row of a document; keep the highest per key."
    )
    status: RowStatus = Field(
        description="State of the finding: current, withdrawn, outdated or human-edited."
    )
    operation: RowOperation = Field(
        RowOperation.UPSERT, description="upsert, or retract if the finding is withdrawn."
    )
    resource: str | None = Field(None, description="FHIR resource that holds it: Observation/1.")
    source: str = Field(description="The report: DiagnosticReport/1.")
    source_version: str | None = Field(None, description="meta.versionId of the report.")
    source_status: str | None = Field(None, description="Status of the report, for example final.")
    subject: str = Field(description="The patient: Patient/1.")
    encounter: str | None = Field(None, description="The encounter: Encounter/1.")
    kind: Kind = Field(description="The phenotype.")
    slot: str | None = Field(None, description="Component: ER, PR, HER2; t, n, m, group.")
    part: str | None = Field(None, description="Specimen part or side that heads the tumour.")
    lesion: str | None = Field(
        None,
        description="Identity of the tumour, a UUID: the same in all versions of the report that "
        "name the same organ, side and behaviour.",
    )
    value: str = Field(description="Value in normal form.")
    number: float | None = Field(None, description="Value as a number, in `unit`.")
    unit: str | None = Field(None, description="Unit of `number`, UCUM: mm.")
    basis: Basis = Field(description="stated by the report, or inferred by the model.")
    assertion: str = Field("affirmed", description="affirmed; only affirmed findings become rows.")
    confidence: float | None = Field(
        None, description="Between 0 and 1; null where the model server gives no log-probabilities."
    )
    calibrated: bool = Field(
        default=False,
        description="Whether the confidence is a share of right answers on labelled reports.",
    )
    codings: tuple[Coding, ...] = Field(
        (), description="All codes of the value, the first preferred."
    )
    evidence: tuple[RowEvidence, ...] = Field((), description="Where the report says it.")
    effective: str | None = Field(None, description="Clinically relevant time of the report.")
    reported: str | None = Field(None, description="When the report was issued.")
    model: str = Field(description="Name of the model.")
    model_digest: str = Field(description="Digest of the model's weights.")
    prompt_set: str = Field(description="Name and version of the prompt set.")
    software: str = Field(description="Version of oncofhir.")
    run: str = Field(description="Identity of the run: same inputs, same run.")
    asserted: datetime = Field(description="When the report was processed.")
    reviewed: bool = Field(default=False, description="Whether a human has reviewed it.")
    review_status: ReviewStatus = Field(
        ReviewStatus.UNREVIEWED, description="A human's review of the finding."
    )
    reviewer: str | None = Field(
        None, description="Reference of the human, where the store names it."
    )
    reviewed_at: datetime | None = Field(None, description="When the human reviewed it.")
    machine_asserted: bool = Field(
        default=True, description="Whether a machine asserted the value."
    )
    shadow: bool = Field(
        default=False, description="Row of a worker that does not write to the clinical data store."
    )


class OutcomeRow(StoredValue):
    """One version of a document and its outcome, keyed by `document`: the denominators.

    A document that was never read has the name of its source as its key.
    """

    document: str = Field(description="Identity of the document, else its source or record.")
    revision: int = Field(
        description="Grows with every row of a document; keep the highest per key."
    )
    status: OutcomeStatus = Field(
        description="What the version came to: found or skipped, for example."
    )
    reason: str | None = Field(None, description="Reason code; `oncofhir reasons` explains it.")
    source: str = Field(description="The report: DiagnosticReport/1.")
    source_version: str | None = Field(None, description="meta.versionId of the report.")
    run: str | None = Field(None, description="Identity of the run; null where no model was asked.")
    findings: int = Field(0, description="Number of findings that stand.")
    rejected: dict[str, int] = Field({}, description="Rejected values, counted by reason.")
    warnings: tuple[ReportWarning, ...] = Field(
        (), description="What could not be read of it: nothing found may mean less."
    )
    unprofiled: dict[str, int] = Field(
        {}, description="Resources without the mCODE profile of their kind, counted by reason."
    )
    conflicts: int = Field(0, description="Findings that humans edited and the run left alone.")
    model: str | None = Field(None, description="Name of the model.")
    model_digest: str | None = Field(None, description="Digest of the model's weights.")
    prompt_set: str | None = Field(None, description="Name and version of the prompt set.")
    software: str = Field(description="Version of oncofhir.")
    recorded: datetime = Field(description="When the outcome was recorded.")
    shadow: bool = Field(
        default=False, description="Row of a worker that does not write to the clinical data store."
    )


class Processed(Value):
    """The result of processing one report: rows to publish, and whether the model was asked.

    `also` are the results for other documents, which this one replaces. `usage` is the cost at the model
    server, and `seconds` the duration of the stages read, ask and store.
    """

    outcome: OutcomeRow
    rows: tuple[PhenotypeRow, ...] = ()
    asked_model: bool = False
    wrote_store: bool = False
    usage: Usage = Usage()
    seconds: dict[str, float] = {}
    also: tuple["Processed", ...] = ()
