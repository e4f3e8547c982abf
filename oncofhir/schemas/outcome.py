"""The rows that a warehouse reads: one a finding, one a document."""

from datetime import datetime
from enum import StrEnum

from oncofhir.schemas.base import Value
from oncofhir.schemas.extraction import Usage
from oncofhir.schemas.finding import Basis, Coding, Evidence, Kind
from oncofhir.schemas.report import ReportWarning


class OutcomeStatus(StrEnum):
    """What became of a document's version."""

    FOUND = "found"
    NOTHING_FOUND = "nothing-found"
    SKIPPED = "skipped"
    OUTDATED = "outdated"
    RETRACTED = "retracted"
    OLDER_VERSION_IGNORED = "stale"
    DUPLICATE_RESOURCE = "alias"
    DEAD_LETTERED = "dead-lettered"


class RowStatus(StrEnum):
    """Whether a finding stands."""

    CURRENT = "current"
    WITHDRAWN = "withdrawn"
    OUTDATED = "outdated"
    HUMAN_EDITED = "human-edited"


class PhenotypeRow(Value):
    """One finding, flat and keyed by `finding`; the highest `revision` of a key counts.

    A `shadow` row is of a worker that writes nothing to the store: nothing there says the same.
    """

    finding: str
    document: str
    revision: int
    status: RowStatus
    resource: str | None = None
    source: str
    source_version: str | None = None
    subject: str
    kind: Kind
    slot: str | None = None
    part: str | None = None
    value: str
    number: float | None = None
    unit: str | None = None
    basis: Basis
    confidence: float | None = None
    codings: tuple[Coding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    effective: str | None = None
    model: str
    model_digest: str
    prompt_set: str
    software: str
    run: str
    asserted: datetime
    reviewed: bool = False
    machine_asserted: bool = True
    shadow: bool = False


class OutcomeRow(Value):
    """One document's version and what became of it, keyed by `document`.

    A document that was never read has the name of its source as its key. `warnings` say what of it could
    not be read beside what was: nothing found in it may mean less. `unprofiled` counts, by the reason, the
    Conditions and Observations that do not claim the mCODE profile of their kind.
    """

    document: str
    revision: int
    status: OutcomeStatus
    reason: str | None = None
    source: str
    source_version: str | None = None
    run: str | None = None
    findings: int = 0
    rejected: dict[str, int] = {}
    warnings: tuple[ReportWarning, ...] = ()
    unprofiled: dict[str, int] = {}
    conflicts: int = 0
    model: str | None = None
    model_digest: str | None = None
    prompt_set: str | None = None
    software: str
    recorded: datetime
    shadow: bool = False


class Processed(Value):
    """What the way through one report ends with: rows to publish, and whether the model was asked.

    `also` is what it did to other documents: those that it replaces. `usage` is what it cost at the model
    server, `seconds` how long the stages read, ask and store took.
    """

    outcome: OutcomeRow
    rows: tuple[PhenotypeRow, ...] = ()
    asked_model: bool = False
    wrote_store: bool = False
    usage: Usage = Usage()
    seconds: dict[str, float] = {}
    also: tuple["Processed", ...] = ()
