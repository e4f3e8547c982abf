"""Findings of a report: values in normal form, with evidence, confidence and codes."""

import tomllib
from enum import StrEnum
from functools import cache
from pathlib import Path

from oncofhir.schemas.base import Value


class Kind(StrEnum):
    """The kinds of finding (contract, `oncofhir extract`)."""

    TUMOR_SIZE = "tumor-size"
    TUMOR_SITE = "tumor-site"
    TUMOR_LATERALITY = "tumor-laterality"
    CANCER_GRADE = "cancer-grade"
    HISTOLOGICAL_TYPE = "histological-type"
    HORMONE_RECEPTOR = "hormone-receptor"
    CANCER_STAGE = "cancer-stage"
    DIAGNOSIS = "diagnosis"


class Basis(StrEnum):
    """Whether the report states the value, or the model inferred it (design, promise 5)."""

    STATED = "stated"
    INFERRED = "inferred"


class Rejection(StrEnum):
    """Why a value is not a current finding of the patient."""

    NEGATED = "negated"
    UNCERTAIN = "uncertain"
    HYPOTHETICAL = "hypothetical"
    HISTORICAL = "historical"
    FAMILY = "family"
    UNGROUNDED = "ungrounded"
    AMBIGUOUS = "ambiguous"
    CONTRADICTED = "contradicted"
    """The report says something else of the lesion, or says this of another thing."""
    LOW_CONFIDENCE = "low-confidence"

    @property
    def meaning(self) -> str:
        """What the code says, in a sentence."""
        return _rejections()[self]["meaning"]

    @property
    def remedy(self) -> str:
        """What an operator can do about it."""
        return _rejections()[self]["remedy"]


@cache
def _rejections() -> dict[Rejection, dict[str, str]]:
    text = Path(__file__).with_name("rejections.toml").read_text(encoding="utf-8")
    return {Rejection(code): entry for code, entry in tomllib.loads(text).items()}


class Coding(Value):
    """A code of a terminology, with the display of its source."""

    system: str
    code: str
    display: str | None = None


class Evidence(Value):
    """A quoted passage of the report. `text` is exactly `Report.text[start:end]` (code points).

    `path` names the FHIR element and `attachment_start` the offset in its own decoded text.
    """

    start: int
    end: int
    text: str
    path: str
    attachment_start: int


class Finding(Value):
    """A current, affirmed, grounded finding.

    - `slot`: the receptor (ER, PR, HER2) or the stage component (t, n, m, group), else None.
    - `number`, `dimensions`: in `unit`, which is always "mm".
    - `raw`: the value as the report or the model wrote it.
    - `confidence`: between 0 and 1, None if the server returned no log-probabilities. If `calibrated`, it is
      the share of such answers that are right on labelled reports (ONCOFHIR_MODEL__CALIBRATION_FILE), else
      the geometric mean of token probabilities.
    - `part`: the label of the specimen part, if the report has several. If it distinguishes several tumours,
      the label of the part, or the side ("left"), under which the tumour is described.
    - `lesion`: the `id` of the lesion in `Extraction.lesions` that supports the finding.
    """

    kind: Kind
    slot: str | None = None
    value: str
    number: float | None = None
    unit: str | None = None
    dimensions: tuple[float, ...] = ()
    basis: Basis = Basis.STATED
    raw: str
    confidence: float | None = None
    calibrated: bool = False
    evidence: tuple[Evidence, ...]
    codings: tuple[Coding, ...] = ()
    part: str | None = None
    lesion: str | None = None


class RejectedFinding(Value):
    """A value of the model or the report that is not a finding, with the reason.

    An ungrounded one has no evidence.
    """

    kind: Kind
    slot: str | None = None
    value: str
    raw: str
    reason: Rejection
    confidence: float | None = None
    calibrated: bool = False
    evidence: tuple[Evidence, ...] = ()
    part: str | None = None
    lesion: str | None = None
