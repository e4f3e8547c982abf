"""Probes and metrics of the review page and its watcher, as Prometheus reads them; nothing of a report in them."""

import asyncio

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from oncofhir.demo.process import free_port
from oncofhir.fhir.rest.system_authorities import system_authorities
from oncofhir.review.composition import open_review
from oncofhir.review.metrics_server import served_metrics
from oncofhir.review.watch.watcher import Watcher
from oncofhir.review.web.build import build_app
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.review import Confirm
from oncofhir.settings import FhirSettings, ReviewSettings, Settings, WorklistSettings
from tests.integration.fhir.review_bench import reviewed
from tests.integration.fhir.test_edits_elsewhere import refuted


async def get(address, **more):
    async with httpx2.AsyncClient(trust_env=False, verify=system_authorities()) as client:
        return await client.get(address, **more)


async def scraped(port):
    """The samples by name and label values, in the order of the label names."""
    text = (await get(f"http://127.0.0.1:{port}/metrics")).text
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }, text


async def one_pass(watcher: Watcher, when_done):
    stop = asyncio.Event()
    running = asyncio.create_task(watcher.run(stop, 3600))
    for _ in range(400):
        if await when_done():
            break
        await asyncio.sleep(0.05)
    else:
        pytest.fail("the watcher did not end a pass")
    stop.set()
    await running


@reviewed
async def test_a_pass_is_counted_with_the_findings_by_state(bench):
    diagnosis = await bench.item(Kind.DIAGNOSIS)
    bench.put(refuted(bench.get(diagnosis.resource)))
    port = free_port()
    async with served_metrics(bench.opened.metrics, bench.settings, port):
        before, _ = await scraped(port)
        assert before["oncofhir_review_watch_last_pass_timestamp_seconds",] == 0

        async def is_done():
            found, _ = await scraped(port)
            return found["oncofhir_review_watch_last_pass_timestamp_seconds",] > 0

        await one_pass(bench.watcher, is_done)
        after, text = await scraped(port)
        assert after["oncofhir_review_watch_edits_total", "read"] == 1
        assert after["oncofhir_review_watch_published_rows_total",] >= 1
        assert after["oncofhir_review_findings", "refuted"] >= 1
        assert after["oncofhir_review_open_findings", "unreviewed"] >= 1
        assert after["oncofhir_review_unpublished_documents",] == 0
        assert (await get(f"http://127.0.0.1:{port}/ready")).json() == {"ok": True}
        for word in (bench.ident, diagnosis.finding, diagnosis.value, "Practitioner"):
            assert word not in text


@reviewed
async def test_verdicts_and_requests_of_the_page_are_counted(bench):
    port = free_port()
    page = ReviewSettings(port=port)
    metrics = bench.opened.metrics.metrics
    app = build_app(page, bench.page, bench.page.client, metrics)
    item = await bench.item(Kind.TUMOR_SIZE)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url=f"http://127.0.0.1:{port}"
    ) as client:
        shown = await client.get(f"/reports/{item.document}")
        assert shown.status_code == 200
        token = shown.text.partition('name="form_token" value="')[2].partition('"')[0]
        answered = await client.post(
            f"/reports/{item.document}/findings/{item.finding}",
            data={"form_token": token, "verdict": "confirm", "version": item.version_id},
        )
        assert answered.status_code == 303
        assert (await client.get("/no-such-page")).status_code == 404
    text = metrics.exposed().decode()
    assert 'oncofhir_review_verdicts_total{outcome="done",verdict="confirm"} 1.0' in text
    assert 'oncofhir_review_verdicts_total{outcome="done",verdict="refute"} 0.0' in text
    assert 'oncofhir_review_requests_total{route="report_view",status="200"} 1.0' in text
    assert 'oncofhir_review_requests_total{route="decide",status="303"} 1.0' in text
    assert 'oncofhir_review_requests_total{route="none",status="404"} 1.0' in text
    for word in (bench.ident, item.finding, item.document, "21 mm"):
        assert word not in text


def test_a_pass_that_the_server_breaks_off_is_counted_by_its_reason(tmp_path):
    async def story():
        settings = Settings(
            fhir=FhirSettings(base_url=f"http://127.0.0.1:{free_port()}/fhir"),
            worklist=WorklistSettings(index_file=tmp_path / "index.sqlite"),
        )
        async with open_review(settings) as opened:
            metrics = opened.metrics.metrics

            async def is_counted():
                return b"failed_passes_total{" in metrics.exposed()

            await one_pass(opened.watcher, is_counted)
            assert not opened.metrics.ready().ok
            return metrics.exposed().decode()

    text = asyncio.run(story())
    reason = Reason.STORE_UNREACHABLE.value
    assert f'oncofhir_review_watch_failed_passes_total{{reason="{reason}"}} 1.0' in text


@reviewed
async def test_what_a_reviewer_confirms_has_another_state_after_the_next_pass(bench):
    metrics = bench.opened.metrics.metrics

    async def confirmed():
        await bench.opened.metrics.passed(await bench.watcher.run_once(), 1.0)
        families = text_string_to_metric_families(metrics.exposed().decode())
        (found,) = (
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == "oncofhir_review_findings"
            and sample.labels["review_status"] == "confirmed"
        )
        return found

    before = await confirmed()
    item = await bench.item(Kind.TUMOR_SIZE)
    await bench.decide(Confirm(finding=item.finding), version=item.version_id)
    assert await confirmed() == before + 1
