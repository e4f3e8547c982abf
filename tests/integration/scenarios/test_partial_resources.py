"""A summary on the topic changes nothing that the whole report says: the whole is read from its source."""

import httpx2
import pytest

from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.outcome import OutcomeStatus, RowStatus
from oncofhir.schemas.reasons import Reason
from tests.integration.pipeline_harness import pipeline_bench, report

SCRIPT = [{"contains": ["tumor size"], "answer": "2.3 cm"}]
TAG = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
TEXT = "FINAL DIAGNOSIS: Carcinoma, tumor size 2.3 cm."


@pytest.fixture(scope="module")
def bench():
    with pipeline_bench(SCRIPT) as bench:
        yield bench


def at_the_source(bench, resource):
    """Store a report at the source; return it as the source has it."""
    address = f"{bench.settings.fhir.base_url}/DiagnosticReport/{resource['id']}"
    httpx2.put(address, json=resource, trust_env=False).raise_for_status()
    return httpx2.get(address, trust_env=False).json()


def summary_of(whole, *, tagged):
    kept = {k: v for k, v in whole.items() if k not in {"presentedForm", "text", "conclusion"}}
    return kept | {"meta": whole["meta"] | ({"tag": [TAG]} if tagged else {})}


@pytest.mark.parametrize("tagged", [True, False])
def test_findings_stay_when_a_summary_of_the_next_version_comes(bench, tagged):
    ident = f"summary-{tagged}"
    first = at_the_source(bench, report(ident, f"{TEXT} Case {tagged}."))
    (found,) = bench.process(first)
    assert [row.status for row in found.rows] == [RowStatus.CURRENT] * len(found.rows)
    assert found.rows
    second = at_the_source(bench, first | {"conclusion": "Left side."})
    assert second["meta"]["versionId"] != first["meta"]["versionId"]
    (again,) = bench.process(summary_of(second, tagged=tagged))
    assert again.outcome.status is OutcomeStatus.FOUND
    assert again.outcome.source_version == second["meta"]["versionId"]
    assert {row.status for row in again.rows} == {RowStatus.CURRENT}
    assert {row.kind for row in again.rows} >= {row.kind for row in found.rows}


def test_a_summary_whose_whole_is_nowhere_is_refused(bench):
    part = report("nowhere", TEXT)
    with pytest.raises(UnreadableReport) as caught:
        bench.process(part | {"meta": {"versionId": "1", "tag": [TAG]}})
    assert caught.value.reason is Reason.PARTIAL_RESOURCE
