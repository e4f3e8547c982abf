"""Verdicts on a server that assigns ids and lacks transactions and conditional create."""

import pytest

from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import ReviewStatus
from oncofhir.schemas.review import AddMissed, Confirm, Correct, OutcomeKind, Undo
from tests.integration.fhir.limited_server import lesser_server
from tests.integration.fhir.review_bench import GREY, tell_review


class Address:
    """A server at an address."""

    def __init__(self, base_url):
        self.base_url = base_url


@pytest.mark.scenario
def test_the_way_of_a_verdict_where_the_server_assigns_ids(fhir_server, broker, tmp_path):
    async def story(bench):
        size, stage = (
            await bench.item(Kind.TUMOR_SIZE),
            await bench.item(Kind.CANCER_STAGE, "group"),
        )
        verdict = Correct(finding=size.finding, value="3 cm")
        outcome = await bench.decide(verdict, GREY, size.version_id)
        assert outcome.kind is OutcomeKind.DONE
        assert bench.get(size.resource)["component"][0]["valueQuantity"]["value"] == 30
        assert (await bench.decide(Confirm(finding=stage.finding))).kind is OutcomeKind.DONE
        assert (await bench.watcher.run_once()).edited == 0
        assert (await bench.decide(Undo(finding=size.finding))).kind is OutcomeKind.DONE
        assert bench.get(size.resource)["component"][0]["valueQuantity"]["value"] == 23

        missed = AddMissed(
            document=size.document, start=10, end=20, kind=Kind.CANCER_GRADE, value="3"
        )
        added = (await bench.decide(missed)).finding.item
        assert bench.get(added.resource)["status"] == "final"
        assert (await bench.watcher.run_once()).edited == 0
        assert (await bench.decide(Undo(finding=added.finding))).kind is OutcomeKind.DONE
        assert bench.get(added.resource)["status"] == "entered-in-error"

        er = await bench.item(Kind.HORMONE_RECEPTOR, "ER")
        bench.put(bench.get(er.resource) | {"status": "final"})
        assert (await bench.watcher.run_once()).rows == 1
        assert (await bench.item(Kind.HORMONE_RECEPTOR, "ER")).review is ReviewStatus.CONFIRMED
        assert bench.rows()[-1].resource == er.resource

    with lesser_server(fhir_server.base_url, chooses_ids=False, conditional=False) as (url, _):
        tell_review(story, Address(url), broker, tmp_path, behind=fhir_server.base_url)
