"""The demo's tables, for a clinician's eyes: what was found, where the report says so, what was not read."""

from collections.abc import Iterable, Mapping

from rich import box
from rich.table import Table
from rich.text import Text

from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow
from oncofhir.schemas.reasons import REASONS, Reason

_SENTENCE = 70
_ORDER = (
    "diagnosis",
    "histological-type",
    "tumor-site",
    "tumor-laterality",
    "tumor-size",
    "cancer-grade",
    "cancer-stage",
    "hormone-receptor",
)
_NAMES = {
    "http://snomed.info/sct": "SNOMED CT",
    "http://loinc.org": "LOINC",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl": "NCIt",
    "http://terminology.hl7.org/CodeSystem/icd-o-3": "ICD-O-3",
}


def findings_table(rows: Iterable[PhenotypeRow]) -> Table:
    """Report, finding, value, code, confidence, and the sentence it came from."""
    table = Table(
        title="What the model found (asserted by a machine, not reviewed)",
        box=box.SIMPLE_HEAD,
        title_justify="left",
    )
    for name in ("report", "finding", "value", "code", "conf.", "the report says"):
        table.add_column(name, overflow="fold")
    last = None
    for row in sorted(rows, key=lambda row: (row.source, _ORDER.index(row.kind), row.slot or "")):
        table.add_row(
            row.source.rpartition("/")[2] if row.source != last else "",
            row.kind.value + (f" {row.slot}" if row.slot else ""),
            row.value + (" (inferred)" if row.basis == "inferred" else ""),
            _code(row),
            "" if row.confidence is None else f"{row.confidence:.2f}",
            _sentence(row),
        )
        last = row.source
    return table


def _code(row: PhenotypeRow) -> str:
    if not row.codings:
        return "text only"
    coding = row.codings[0]
    return f"{_NAMES.get(coding.system, coding.system)} {coding.code}"


def _sentence(row: PhenotypeRow) -> Text:
    text = " ".join(row.evidence[0].text.split()) if row.evidence else ""
    return Text(text if len(text) <= _SENTENCE else text[: _SENTENCE - 1] + "…", style="italic")


def others_table(outcomes: Iterable[OutcomeRow], undecodable: Mapping[str, str]) -> Table:
    """What was skipped, retracted or dead-lettered, and why; `undecodable` is record → reason."""
    table = Table(title="Not read as a finding, and why", box=box.SIMPLE_HEAD, title_justify="left")
    for name in ("report or record", "became", "reason", "meaning"):
        table.add_column(name, overflow="fold")
    for row in outcomes:
        if row.status not in {OutcomeStatus.FOUND, OutcomeStatus.DEAD_LETTERED}:
            table.add_row(
                row.source, row.status.value, row.reason or "", _meaning(row.reason, row.status)
            )
    for record, reason in undecodable.items():
        table.add_row(
            record, "dead-lettered", reason, _meaning(reason, OutcomeStatus.DEAD_LETTERED)
        )
    return table


def _meaning(reason: str | None, status: OutcomeStatus) -> str:
    if reason in set(Reason):
        return REASONS[Reason(reason)].meaning
    if status is OutcomeStatus.NOTHING_FOUND:
        return "read by the model; the report states no current finding"
    return ""
