"""Findings and outcomes as a clinician reads them on a terminal, also one of 80 columns."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow
from oncofhir.schemas.reasons import Reason
from oncofhir.terminology.display import diagnosis_display

_QUOTE_LENGTH = 70
_ORDER = (
    Kind.DIAGNOSIS,
    Kind.HISTOLOGICAL_TYPE,
    Kind.TUMOR_SITE,
    Kind.TUMOR_LATERALITY,
    Kind.TUMOR_SIZE,
    Kind.CANCER_GRADE,
    Kind.CANCER_STAGE,
    Kind.HORMONE_RECEPTOR,
)
_SYSTEM_NAMES = {
    "http://snomed.info/sct": "SNOMED CT",
    "http://loinc.org": "LOINC",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl": "NCIt",
    "http://terminology.hl7.org/CodeSystem/icd-o-3": "ICD-O-3",
}
_HANDLED = {OutcomeStatus.FOUND, OutcomeStatus.DEAD_LETTERED}


def finding_label(kind: str, component: str | None) -> str:
    """The name of a finding in clinical words: ER status, stage T, tumor size."""
    if kind == Kind.HORMONE_RECEPTOR and component:
        return f"{component} status"
    if kind == Kind.CANCER_STAGE and component:
        return f"stage {component.upper() if len(component) == 1 else component}"
    return kind.replace("-", " ")


def finding_order(kind: str, component: str | None) -> tuple[int, str]:
    """The sort key of a finding: the diagnosis first, T before N before M."""
    components = {"t": "1", "n": "2", "m": "3"}
    return _ORDER.index(Kind(kind)), components.get(component or "", component or "")


def code_label(codings: Sequence[Mapping[str, Any]], unit: str | None) -> str:
    """The first code with its code system; a measured value without a code is a quantity."""
    if codings:
        first = codings[0]
        return f"{_SYSTEM_NAMES.get(first['system'], first['system'])} {first['code']}"
    return f"quantity in {unit}" if unit else "text only"


def findings_table(findings: Iterable[Mapping[str, Any]], title: str) -> Table:
    """One line per finding: name, value, code, confidence. On a narrow terminal a cell continues below."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, show_header=False
    )
    table.add_column("finding", no_wrap=True)
    for name in ("value", "code"):
        table.add_column(name, overflow="fold")
    table.add_column("confidence", justify="right", no_wrap=True)
    for finding in findings:
        table.add_row(
            finding_label(finding["kind"], finding["slot"]),
            _value(finding),
            code_label(finding["codings"], finding["unit"]),
            _confidence(finding),
        )
    return table


def findings_with_quotes(findings: Iterable[Mapping[str, Any]], title: str) -> Text:
    """Each finding with the words of the report below it, the diagnosis first."""
    text = Text.assemble((f"{title}\n", "bold"))
    for finding in sorted(findings, key=lambda one: finding_order(one["kind"], one["slot"])):
        code = code_label(finding["codings"], finding["unit"])
        details = ", ".join(filter(None, (code, _confidence(finding))))
        label = finding_label(finding["kind"], finding["slot"])
        text.append(f"  {label}: {_value(finding)} ({details})\n")
        if finding["evidence"] and finding["evidence"][0]["text"]:
            text.append(f"    {quote(finding['evidence'][0]['text'])}\n", style="italic")
    return text


def rejected_values(rejected: Iterable[Mapping[str, Any]]) -> Text:
    """The values that were not written, with their reason codes; empty if there are none."""
    named = [
        f"{finding_label(one['kind'], one['slot'])} {one['value'] or ''}".strip()
        + f" ({one['reason']})"
        for one in sorted(rejected, key=lambda one: finding_order(one["kind"], one["slot"]))
    ]
    shown = "; ".join(dict.fromkeys(named))
    return Text(f"  not written: {shown}. See `oncofhir reasons`.\n" if shown else "", style="dim")


def _value(finding: Mapping[str, Any]) -> str:
    return diagnosis_display(str(finding["value"])) + (
        " (inferred)" if finding["basis"] == "inferred" else ""
    )


def _confidence(finding: Mapping[str, Any]) -> str:
    return "" if finding["confidence"] is None else f"{finding['confidence']:.2f}"


def quote(text: str) -> str:
    """A quote of a report on one line; a long one ends with an ellipsis after a whole word."""
    words = " ".join(text.split()).removeprefix("- ")
    if len(words) <= _QUOTE_LENGTH:
        return words
    return words[:_QUOTE_LENGTH].rpartition(" ")[0] + " …"


def all_findings(rows: Iterable[PhenotypeRow]) -> Text:
    """Every finding of every report, with the words of the report."""
    text = Text("Findings (machine-asserted, not reviewed)\n")
    for source, own in sorted(_by_report(rows).items()):
        found = findings_with_quotes(map(_as_mapping, own), source.rpartition("/")[2])
        text.append("\n").append_text(found)
    return text


def example_findings(rows: Iterable[PhenotypeRow], reports: int) -> Table | Text:
    """The findings of the report that has most, the diagnosis first; a sentence if there are none."""
    by_report = _by_report(rows)
    if not by_report:
        return Text("The model found nothing in the reports.")
    source, most = max(by_report.items(), key=lambda each: (len(each[1]), each[0]))
    title = (
        f"{source.rpartition('/')[2]}, one of {reports} reports (machine-asserted, not reviewed)"
    )
    in_order = sorted(most, key=lambda row: finding_order(row.kind, row.slot))
    table = findings_table(map(_as_mapping, in_order), title)
    first = next((row for row in in_order if row.evidence and row.evidence[0].text), None)
    if first is not None:
        table.caption = Text(f'the report says: "{quote(first.evidence[0].text or "")}"')
        table.caption_justify = "left"
        table.caption_style = "italic"
    return table


def _by_report(rows: Iterable[PhenotypeRow]) -> dict[str, list[PhenotypeRow]]:
    by_report: dict[str, list[PhenotypeRow]] = {}
    for row in rows:
        by_report.setdefault(row.source, []).append(row)
    return by_report


def _as_mapping(row: PhenotypeRow) -> dict[str, Any]:
    return row.model_dump(mode="json")


def outcomes_by_reason(outcomes: Iterable[OutcomeRow], undecodable: Mapping[str, str]) -> str:
    """One line: how many reports have no findings, by status and reason code."""
    counts = Counter(
        f"{row.status.value} ({row.reason})" if row.reason else row.status.value
        for row in outcomes
        if row.status not in _HANDLED
    )
    counts.update(
        f"{OutcomeStatus.DEAD_LETTERED.value} ({reason})" for reason in undecodable.values()
    )
    return ", ".join(f"{n} {name}" for name, n in sorted(counts.items())) or "none"


def all_outcomes(outcomes: Iterable[OutcomeRow], undecodable: Mapping[str, str]) -> Text:
    """Each report without findings, with its reason; `undecodable` maps records to reasons."""
    text = Text("\nReports without findings, and why\n\n")
    for row in outcomes:
        if row.status not in _HANDLED:
            text.append(_outcome(row.source, row.status, row.reason))
    for record, reason in undecodable.items():
        text.append(_outcome(record, OutcomeStatus.DEAD_LETTERED, reason))
    return text


def _outcome(source: str, status: OutcomeStatus, reason: str | None) -> str:
    codes = ", ".join(filter(None, (status.value, reason)))
    return f"  {source}: {codes}\n    {_meaning(reason, status)}\n"


def _meaning(reason: str | None, status: OutcomeStatus) -> str:
    if reason in set(Reason):
        return Reason(reason).meaning
    if status is OutcomeStatus.NOTHING_FOUND:
        return "The model read it; the report states no current finding."
    return ""
