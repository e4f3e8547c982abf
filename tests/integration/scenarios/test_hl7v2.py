"""HL7 v2 messages through the pipeline: a report, its correction, its cancellation; the patient by PID-3."""

import httpx2
import pytest

from oncofhir.consumers.envelopes.decode import decode
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.outcome import OutcomeStatus, RowStatus
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import Hl7v2Settings
from tests.hl7v2_messages import obr, obx, oru
from tests.integration.pipeline_harness import pipeline_bench

SCRIPT = [
    {"contains": ["tumor size", "2.4 cm"], "answer": "2.4 cm"},
    {"contains": ["tumor size", "2.6 cm"], "answer": "2.6 cm"},
]
SYSTEM = "urn:oid:1.2.826.0.1.1"
PATIENTS = {"p1": "MRN-1", "p2": "MRN-2", "p3": "MRN-2"}


@pytest.fixture(scope="module")
def bench():
    with pipeline_bench(SCRIPT) as running:
        base = running.settings.fhir.base_url
        for ident, value in PATIENTS.items():
            patient = {
                "resourceType": "Patient",
                "id": ident,
                "gender": "female",
                "identifier": [{"system": SYSTEM, "value": value}],
            }
            httpx2.put(f"{base}/Patient/{ident}", json=patient, trust_env=False).raise_for_status()
        yield running


def events(message):
    return decode(message.encode(), (), "topic", Hl7v2Settings())


def report(filler, size, status="F", site="breast", **of_header):
    text = f"FINAL DIAGNOSIS: Invasive carcinoma of the {site}, tumor size {size}."
    return events(oru(obr(filler, status), obx(text), **of_header))


def test_a_report_a_correction_and_a_cancellation(bench):
    (first,) = bench.process(*report("F1", "2.4 cm", control_id="1", sent="20260101"))
    assert first.outcome.status is OutcomeStatus.FOUND
    assert {row.subject for row in first.rows} == {"Patient/p1"}
    (again,) = bench.process(*report("F1", "2.4 cm", control_id="1", sent="20260101"))
    assert (again.outcome, again.asked_model) == (first.outcome, False)

    late = "20260102120000"
    (corrected,) = bench.process(*report("F1", "2.6 cm", "C", control_id="2", sent=late))
    assert corrected.outcome.document == first.outcome.document
    assert {row.value for row in corrected.rows if row.status is RowStatus.CURRENT} >= {"26 mm"}
    (older,) = bench.process(*report("F1", "2.4 cm", control_id="1", sent="20260101000000"))
    assert older.outcome.status is OutcomeStatus.OLDER_VERSION_IGNORED

    (cancelled,) = bench.process(*events(oru(obr(status="X"), sent="20260103000000")))
    assert cancelled.outcome.status is OutcomeStatus.RETRACTED
    assert {row.status for row in cancelled.rows} == {RowStatus.WITHDRAWN}
    assert len(cancelled.rows) >= len(first.rows)


def test_what_is_written_refers_to_the_report_by_identifier_for_no_server_has_it(bench):
    (done,) = bench.process(*report("F2", "2.4 cm", site="lung"))
    base, row = bench.settings.fhir.base_url, done.rows[0]
    stored = httpx2.get(f"{base}/{row.resource}", trust_env=False).json()
    assert stored["subject"] == {"reference": "Patient/p1"}
    source = done.outcome.source.partition("/_history/")[0]
    bundle = httpx2.get(f"{base}/Provenance", params={"_count": "100"}, trust_env=False).json()
    named = [
        entity["what"]["identifier"]
        for entry in bundle["entry"]
        for entity in entry["resource"].get("entity", [])
        if "identifier" in entity["what"]
    ]
    system = f"{bench.settings.fhir.identifier_system}/hl7v2"
    assert any(each["system"] == system and each["value"].startswith(source) for each in named), (
        named
    )


@pytest.mark.parametrize("value", ["MRN-2", "MRN-3"])
def test_a_patient_that_is_not_found_or_not_alone_is_a_reason(bench, value):
    pid = f"PID|1||{value}^^^HOSP&1.2.826.0.1.1&ISO^MR"
    with pytest.raises(UnreadableReport) as caught:
        bench.process(*events(oru(obr("F3"), obx("tumor size 2.4 cm"), pid=pid)))
    assert caught.value.reason is Reason.UNRESOLVED_SUBJECT
    assert value not in str(caught.value)
