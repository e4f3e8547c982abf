"""Whether a report is about tissue, images or the patient. It decides between Specimen and BodyStructure.

Sources: those of `triage.toml`; US Core 6.1.0 note categories (LP7839-6 Pathology, LP29684-5 Radiology) and
note types (18748-4). The codes are only compared, never written.
"""

from enum import StrEnum

from oncofhir.schemas.report import Report, SectionKind


class ReportOrigin(StrEnum):
    """How the author of the report examined the tumour."""

    PATHOLOGY = "pathology"
    IMAGING = "imaging"
    OTHER = "other"


_PATHOLOGY = frozenset(
    {
        "LP7839-6", "11526-1", "22637-3", "60568-3",
        "SP", "PAT", "CP", "CG",
    }
)  # fmt: skip
_IMAGING = frozenset({"LP29684-5", "18748-4", "RAD", "CT", "NMR", "NMS", "RUS", "RX", "CUS", "OUS"})
_PATHOLOGY_SECTIONS = frozenset(
    {
        SectionKind.FINAL_DIAGNOSIS,
        SectionKind.SYNOPTIC,
        SectionKind.MICROSCOPIC,
        SectionKind.GROSS,
        SectionKind.INTRAOPERATIVE,
        SectionKind.SPECIMEN,
    }
)


def origin_of(report: Report) -> ReportOrigin:
    """Determine the origin by the report's type and category, else by its sections."""
    codes = {coding.code for coding in (*report.types, *report.categories)}
    if codes & _PATHOLOGY:
        return ReportOrigin.PATHOLOGY
    if codes & _IMAGING:
        return ReportOrigin.IMAGING
    kinds = {section.kind for section in report.sections}
    if report.specimen or report.parts or kinds & _PATHOLOGY_SECTIONS:
        return ReportOrigin.PATHOLOGY
    return ReportOrigin.IMAGING if SectionKind.IMAGING in kinds else ReportOrigin.OTHER
