"""A report as text. Each character can be traced to the element that it came from."""

from datetime import datetime
from enum import StrEnum

from oncofhir.schemas.base import Value
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.finding import Coding


class Segment(Value):
    """A stretch of `Report.text` that came from one element of the source.

    `start` and `end` are code-point offsets in `Report.text` (end exclusive). `path` names the FHIR
    element, such as `DiagnosticReport.presentedForm[0]`; `attachment_start` is where the stretch
    begins in that element's own decoded text.
    """

    start: int
    end: int
    path: str
    content_type: str
    attachment_start: int = 0


class SectionKind(StrEnum):
    """The role of a section. The order has no meaning."""

    FINAL_DIAGNOSIS = "final-diagnosis"
    SYNOPTIC = "synoptic"
    ADDENDUM = "addendum"
    MICROSCOPIC = "microscopic"
    GROSS = "gross"
    INTRAOPERATIVE = "intraoperative"
    SPECIMEN = "specimen"
    COMMENT = "comment"
    CLINICAL_HISTORY = "clinical-history"
    REASON_FOR_VISIT = "reason-for-visit"
    FAMILY_HISTORY = "family-history"
    REVIEW_OF_SYSTEMS = "review-of-systems"
    OBJECTIVE = "objective"
    LABORATORY = "laboratory"
    IMAGING = "imaging"
    ASSESSMENT = "assessment"
    PLAN = "plan"
    PAST_HISTORY = "past-history"
    OUTSIDE_DIAGNOSIS = "outside-diagnosis"
    TOXICITY = "toxicity"
    LEGEND = "legend"
    LETTERHEAD = "letterhead"
    OTHER = "other"


class Section(Value):
    """A recognised section: offsets in `Report.text` of heading and body together."""

    kind: SectionKind
    title: str
    start: int
    end: int


class Part(Value):
    """A specimen part ("A. Left breast"): a unit in which findings belong together."""

    label: str
    title: str
    start: int
    end: int


class ReportWarning(StrEnum):
    """What could not be read of a report that was read otherwise."""

    PAGES_WITHOUT_TEXT = "pages-without-text"
    """Some pages of a PDF are scans without a text layer."""
    GARBLED_TEXT = "garbled-text"
    """Some text is not what the pages of a PDF show: a font does not map its glyphs to characters."""
    FILES_LEFT_OUT = "files-left-out"
    """Some files within a PDF portfolio cannot be read."""
    RESULTS_LEFT_OUT = "results-left-out"
    """It has more results than are read (`IntakeLimits.max_results`)."""


class SecurityLabel(Value):
    """A label of the source's `meta.security`, inherited by what is made from it."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class Report(Value):
    """One report as text, ready for the model.

    - `subject`: the literal reference to the patient (`Patient/123`).
    - `content_key`: identifies the attachment, by its URL, else by the hash of its text. The document's
      identity depends on it (design, "Identity and the head").
    - `words_sha256`: the hash of the attachment's text, whatever its URL. By it two resources that show one
      document are compared. `text_sha256` is the hash of `text` in UTF-8.
    - `types`: the codings of the report's kind (`DiagnosticReport.code`, `DocumentReference.type`).
    - `specimen`: the report's only specimen. `specimens`: of several, those with a part's label, by label.
    - `warnings`: what is missing in `text`.
    """

    source: SourceReference
    source_last_updated: datetime | None = None
    status: str
    subject: str
    patient_gender: str | None = None
    encounter: str | None = None
    effective: str | None = None
    issued: str | None = None
    specimen: str | None = None
    specimens: dict[str, str] = {}
    categories: tuple[Coding, ...] = ()
    types: tuple[Coding, ...] = ()
    security: tuple[SecurityLabel, ...] = ()
    text: str
    text_sha256: str
    content_key: str
    words_sha256: str = ""
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...] = ()
    parts: tuple[Part, ...] = ()
    warnings: tuple[ReportWarning, ...] = ()

    def locate(self, offset: int) -> Segment | None:
        """The segment that holds `offset`, or None for a separator between segments."""
        return next((s for s in self.segments if s.start <= offset < s.end), None)

    def section_at(self, offset: int) -> Section | None:
        """The innermost section that holds `offset`."""
        holding = [s for s in self.sections if s.start <= offset < s.end]
        return min(holding, key=lambda s: s.end - s.start, default=None)

    def part_at(self, offset: int) -> Part | None:
        """The specimen part that holds `offset`."""
        return next((p for p in self.parts if p.start <= offset < p.end), None)
