"""What the demo prints at its end fits one screen of 80 columns and 24 lines."""

import io
from datetime import UTC, datetime

from rich.console import Console

from oncofhir.cli.commands.try_it.demo import _print_result
from oncofhir.consumers.kafka.records import Coordinates
from oncofhir.demo.accounting import Account, Published
from oncofhir.demo.run import Summary
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus
from tests.unit.cli.test_finding_tables import row

SKIPPED = ("not-final", "not-oncology", "restricted")
SUMMARY = Summary(
    reports=24,
    processed=20,
    skipped=3,
    dead_lettered=1,
    resources={"Condition": 19, "Observation": 88, "Specimen": 19, "Provenance": 21, "Task": 20, "Device": 2},
    rows=147,
    seconds=20.2,
    lost=0,
)  # fmt: skip


def account() -> Account:
    """Three reports with the most findings that a report has, four without any."""
    found = Account(tuple(Published(coordinates=Coordinates("t", 0, n)) for n in range(5)))
    for number, reason in enumerate(SKIPPED):
        found.outcome(
            Coordinates("t", 0, number),
            OutcomeRow(
                document=f"d{number}",
                revision=1,
                status=OutcomeStatus.SKIPPED,
                reason=reason,
                source=f"DiagnosticReport/{number}",
                software="1",
                recorded=datetime.now(UTC),
            ),
        )
    found.dead_letter(Coordinates("t", 0, 3), "not-json")
    components = {
        Kind.HORMONE_RECEPTOR: ("ER", "PR", "HER2"),
        Kind.CANCER_STAGE: ("t", "n", "group"),
    }
    for report in range(3):
        for kind in Kind:
            for component in components.get(kind, (None,)):
                value = (
                    "invasive carcinoma of no special type"
                    if kind is Kind.DIAGNOSIS
                    else "positive"
                )
                found.row(
                    row(
                        kind,
                        value,
                        slot=component,
                        finding=f"{report}{kind}{component}",
                        source=f"DiagnosticReport/breast-{report}",
                    )
                )
    return found


def printed(*, everything: bool) -> str:
    written = io.StringIO()
    console = Console(width=80, height=24, file=written)
    _print_result(console, account(), SUMMARY, everything)
    return written.getvalue()


def test_it_fits_one_screen_and_ends_with_the_summary():
    lines = printed(everything=False).splitlines()
    assert len(lines) <= 23
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    assert text.index("diagnosis") < text.index("HER2 status") < text.index("24 reports in 20.2 s")
    assert "1 dead-lettered (not-json), 1 skipped (not-final)" in text
    assert lines[-1].startswith("More: --all")


def test_all_prints_every_finding_and_every_report_without_findings():
    text = printed(everything=True)
    assert all(f"breast-{report}" in text for report in range(3))
    assert "fhir" not in text.partition("Reports without findings")[0]
    assert "DiagnosticReport/2: skipped, restricted" in text
    assert "24 reports in 20.2 s" in text.splitlines()[-4]
