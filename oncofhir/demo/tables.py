"""The demo's tables, for a clinician's eyes: what was found, where the report says so, what was not read."""

from collections.abc import Iterable, Mapping

from rich import box
from rich.table import Table
from rich.text import Text

from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow
from oncofhir.schemas.reasons import Reason

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


_TITLE = "What the model found (asserted by a machine, not reviewed)"
_TABLE_WIDTH = 120  # columns; in fewer the table's words would be broken


def findings(rows: Iterable[PhenotypeRow], width: int) -> Table | Text:
    """Report, finding, value, code, confidence, and the sentence: a table where there is room, else lines."""
    in_order = sorted(rows, key=lambda row: (row.source, _ORDER.index(row.kind), row.slot or ""))
    return _table(in_order) if width >= _TABLE_WIDTH else _lines(in_order)


def _lines(rows: Iterable[PhenotypeRow]) -> Text:
    said = Text(f"{_TITLE}\n", style="")
    last = None
    for row in rows:
        if row.source != last:
            said.append(f"\n{row.source.rpartition('/')[2]}\n", style="bold")
        last = row.source
        said.append(f"  {_finding(row)}: {_value(row)} ({', '.join(filter(None, _beside(row)))})\n")
        said.append("    ").append_text(_sentence(row)).append("\n")
    return said


def _finding(row: PhenotypeRow) -> str:
    return row.kind.value + (f" {row.slot}" if row.slot else "")


def _value(row: PhenotypeRow) -> str:
    return row.value + (" (inferred)" if row.basis == "inferred" else "")


def _beside(row: PhenotypeRow) -> tuple[str, str]:
    """Code and confidence."""
    return _code(row), "" if row.confidence is None else f"{row.confidence:.2f}"


def _table(rows: Iterable[PhenotypeRow]) -> Table:
    table = Table(
        title=_TITLE,
        box=box.SIMPLE_HEAD,
        title_justify="left",
    )
    for name in ("report", "finding", "value", "code", "conf.", "the report says"):
        table.add_column(name, overflow="fold")
    last = None
    for row in rows:
        table.add_row(
            row.source.rpartition("/")[2] if row.source != last else "",
            _finding(row),
            _value(row),
            *_beside(row),
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


def others(
    outcomes: Iterable[OutcomeRow], undecodable: Mapping[str, str], width: int
) -> Table | Text:
    """What was skipped, retracted or dead-lettered, and why; `undecodable` is record → reason."""
    rows = [
        (row.source, row.status.value, row.reason or "", _meaning(row.reason, row.status))
        for row in outcomes
        if row.status not in {OutcomeStatus.FOUND, OutcomeStatus.DEAD_LETTERED}
    ]
    dead = OutcomeStatus.DEAD_LETTERED
    rows += [(at, dead.value, reason, _meaning(reason, dead)) for at, reason in undecodable.items()]
    title = "Not read as a finding, and why"
    if width < _TABLE_WIDTH:
        said = Text(f"\n{title}\n\n")
        for source, became, reason, meaning in rows:
            said.append(f"  {source}: {', '.join(filter(None, (became, reason)))}\n    {meaning}\n")
        return said
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for name in ("report or record", "became", "reason", "meaning"):
        table.add_column(name, overflow="fold")
    for each in rows:
        table.add_row(*each)
    return table


def _meaning(reason: str | None, status: OutcomeStatus) -> str:
    if reason in set(Reason):
        return Reason(reason).meaning
    if status is OutcomeStatus.NOTHING_FOUND:
        return "read by the model; the report states no current finding"
    return ""
