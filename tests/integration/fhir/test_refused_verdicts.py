"""A FHIR server that refuses what a reviewer writes: an answer in words, nothing written, nothing of it quoted."""

from contextlib import asynccontextmanager

import httpx2
import pytest
from structlog.testing import capture_logs

from oncofhir.review.composition import open_review
from oncofhir.review.web.build import build_app
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import ReviewStatus
from oncofhir.settings import ReviewSettings
from tests.fhir_gate import CANARY, gate_before
from tests.integration.fhir.review_bench import tell_review

TRANSACTION = ("POST", "transaction")
ADDRESS = "http://127.0.0.1:8070"
HTMX = {"hx-request": "true"}


@asynccontextmanager
async def page_on(bench, base_url):
    """A client of the page, whose FHIR server is behind the gate."""
    file = bench.settings.worklist.index_file.with_name("gated.sqlite")
    worklist = bench.settings.worklist.model_copy(update={"index_file": file})
    fhir = bench.settings.fhir.model_copy(update={"base_url": base_url})
    settings = bench.settings.model_copy(update={"worklist": worklist, "fhir": fhir})
    async with open_review(settings) as opened:
        await opened.watcher.run_once()
        metrics = opened.metrics.metrics
        app = build_app(ReviewSettings(), opened.store, opened.store.client, metrics)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=ADDRESS) as client:
            yield client, opened


def sent(shown, item, **fields):
    token = shown.partition('name="form_token" value="')[2].partition('"')[0]
    return {"form_token": token, "version": item.version_id, **fields}


@pytest.mark.parametrize(
    ("status", "answered", "said"),
    [
        (422, 422, "The FHIR server refuses this verdict. Nothing was saved."),
        (403, 503, "The FHIR server cannot be used right now. Nothing was saved"),
    ],
)
def test_a_verdict_that_is_refused(status, answered, said, fhir_server, broker, tmp_path):
    async def story(bench):
        item = await bench.item(Kind.TUMOR_SIZE)
        before = bench.get(item.resource)
        address = f"/reports/{item.document}/findings/{item.finding}"
        with gate_before(bench.base_url) as (base_url, gate):
            async with page_on(bench, base_url) as (client, opened):
                shown = (await client.get(f"/reports/{item.document}")).text
                form = sent(shown, item, verdict="correct", search="3.3 cm")
                gate.refuses[TRANSACTION] = status
                with capture_logs() as logged:
                    refused = await client.post(address, data=form, headers=HTMX)
                assert refused.status_code == answered
                assert refused.headers["hx-retarget"] == "#notice", "the form stays as it is"
                assert said in refused.text
                assert CANARY not in refused.text + str(logged)
                assert bench.get(item.resource) == before
                text = opened.metrics.metrics.exposed().decode()
                assert 'outcome="done",verdict="correct"} 0.0' in text
                assert bench.rows() == []

                gate.refuses.clear()
                saved = await client.post(address, data=form, headers=HTMX)
                assert saved.status_code == 200
                assert "33 mm" in saved.text
                (row,) = bench.rows()
                assert (row.value, row.review_status) == ("33 mm", ReviewStatus.CORRECTED)

    tell_review(story, fhir_server, broker, tmp_path)


def test_what_was_missed_and_is_refused_is_kept_and_said(fhir_server, broker, tmp_path):
    async def story(bench):
        item = await bench.item(Kind.TUMOR_SIZE)
        with gate_before(bench.base_url) as (base_url, gate):
            async with page_on(bench, base_url) as (client, _):
                shown = (await client.get(f"/reports/{item.document}")).text
                form = sent(shown, item, kind="cancer-grade", search="3", at="0-5", words="")
                gate.refuses[TRANSACTION] = 422
                address = f"/reports/{item.document}/missed"
                refused = await client.post(address, data=form, headers=HTMX)
                assert "refuses this verdict" in refused.text
                assert refused.headers["hx-retarget"] == "#notice"
                assert CANARY not in refused.text

    tell_review(story, fhir_server, broker, tmp_path)


def test_a_view_that_is_not_recorded_shows_nothing(fhir_server, broker, tmp_path):
    async def story(bench):
        item = await bench.item(Kind.TUMOR_SIZE)
        with gate_before(bench.base_url) as (base_url, gate):
            async with page_on(bench, base_url) as (client, opened):
                gate.refuses["POST", "/AuditEvent"] = 403
                refused = await client.get(f"/reports/{item.document}")
                assert refused.status_code == 503
                assert "The view could not be recorded" in refused.text
                for word in (CANARY, "ductal", "21 mm"):
                    assert word not in refused.text
                metrics = opened.metrics.metrics.exposed().decode()
                assert "oncofhir_review_unrecorded_views_total 1.0" in metrics

    tell_review(story, fhir_server, broker, tmp_path)
