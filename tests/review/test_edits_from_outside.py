"""What another FHIR client writes, while the page runs: within a minute topic and worklist say so."""

import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from oncofhir.consumers.kafka.bounded_reader import bounded_reader
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus, RowOperation
from oncofhir.settings import KafkaSettings
from tests.review.conftest import Reviewed
from tests.review.test_bad_input import DIAGNOSIS, changed_elsewhere, open_report, store_report

MINUTE = 60
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def rows_of(reviewed: Reviewed, ident: str) -> dict[Kind, PhenotypeRow]:
    """The last row of each phenotype of a report on the topic."""
    kafka = KafkaSettings(bootstrap_servers=reviewed.settings["ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS"])
    with bounded_reader(kafka) as reader:
        records = reader.read_to_end(kafka.phenotype_topic, None)
        rows = [PhenotypeRow.model_validate_json(record.value) for record in records]
    return {row.kind: row for row in rows if row.source.endswith(f"/{ident}")}


def within_a_minute(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + MINUTE
    while not condition():
        assert time.monotonic() < ends, "a minute has passed"
        time.sleep(1)


def test_a_put_from_outside_reaches_topic_and_worklist(reviewed: Reviewed, browser_page: Page):
    page = browser_page
    store_report(reviewed, "outside", DIAGNOSIS)
    open_report(page, reviewed, "outside")
    address = page.url
    (condition,) = reviewed.all("Condition", subject="Patient/outside")
    status = {"coding": [{"system": VERIFICATION, "code": "refuted"}]}
    reviewed.put(condition | {"verificationStatus": status})
    changed_elsewhere(reviewed, "outside")

    def has_arrived() -> bool:
        rows = rows_of(reviewed, "outside")
        return {Kind.DIAGNOSIS, Kind.TUMOR_SIZE} <= set(rows)

    within_a_minute(has_arrived)
    rows = rows_of(reviewed, "outside")
    assert rows[Kind.DIAGNOSIS].review_status is ReviewStatus.REFUTED
    assert rows[Kind.DIAGNOSIS].operation is RowOperation.RETRACT
    assert (rows[Kind.TUMOR_SIZE].value, rows[Kind.TUMOR_SIZE].number) == ("24 mm", 24)
    page.goto(f"{reviewed.url}?review=refuted&kind=diagnosis")
    expect(page.locator("tbody [title='DiagnosticReport/outside']")).to_have_count(1)
    page.goto(f"{reviewed.url}?review=corrected&kind=tumor-size")
    expect(page.locator("tbody")).to_contain_text("24 mm")
    page.goto(address)
    expect(page.locator(".chip", has_text="Refuted").first).to_be_visible()
