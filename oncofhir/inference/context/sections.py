"""What a section makes of the mentions in it."""

from oncofhir.inference.context.trigger_data import Cause
from oncofhir.schemas.report import Report, SectionKind

# The sections that describe the specimen at hand; where they exist, what the requisition says is background.
_DEFINITIVE = frozenset(
    {SectionKind.FINAL_DIAGNOSIS, SectionKind.SYNOPTIC, SectionKind.MICROSCOPIC, SectionKind.GROSS}
)
_BACKGROUND = frozenset(
    {SectionKind.CLINICAL_HISTORY, SectionKind.REASON_FOR_VISIT, SectionKind.OUTSIDE_DIAGNOSIS}
)


def causes_by_kind(report: Report) -> dict[SectionKind, Cause]:
    """The cause that each kind of section brings, in this report."""
    causes = {
        SectionKind.FAMILY_HISTORY: Cause.FAMILY,
        SectionKind.PAST_HISTORY: Cause.EARLIER,
        SectionKind.LEGEND: Cause.HYPOTHETICAL,
        SectionKind.LETTERHEAD: Cause.OTHER,
    }
    if _DEFINITIVE & {section.kind for section in report.sections}:
        causes |= dict.fromkeys(_BACKGROUND, Cause.EARLIER)
    if SectionKind.FINAL_DIAGNOSIS in {section.kind for section in report.sections}:
        causes[SectionKind.INTRAOPERATIVE] = Cause.SUPERSEDED
    return causes
