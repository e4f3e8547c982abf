"""A watcher that is killed between its write and its rows: the next pass publishes them."""

import asyncio
import json
import os
import sys

import pytest

from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import ReviewStatus
from tests.command import run_process
from tests.fhir_gate import gate_before
from tests.integration.fhir.review_bench import reviewed
from tests.integration.fhir.test_edits_elsewhere import sized

SECONDS = 60


def environment_of(bench, base_url):
    fhir, kafka = bench.settings.fhir, bench.settings.kafka
    return {
        "ONCOFHIR_FHIR__BASE_URL": base_url,
        "ONCOFHIR_FHIR__SOURCE_NAME": fhir.source_name,
        "ONCOFHIR_FHIR__IDENTIFIER_SYSTEM": fhir.identifier_system,
        "ONCOFHIR_FHIR__ORGANIZATION": fhir.organization,
        "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "ONCOFHIR_KAFKA__PHENOTYPE_TOPIC": kafka.phenotype_topic,
        "ONCOFHIR_WORKLIST__INDEX_FILE": str(
            bench.settings.worklist.index_file.with_name("killed.sqlite")
        ),
    }


@pytest.mark.scenario
@reviewed
async def test_what_was_written_and_not_published_is_published_by_the_next_pass(bench):
    size = await bench.item(Kind.TUMOR_SIZE)
    bench.put(sized(bench.get(size.resource), 4.1))
    with gate_before(bench.base_url) as (base_url, gate):
        environment = environment_of(bench, base_url)
        gate.holds = True
        watching = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "oncofhir", "review", "watch"),
            env=os.environ | environment,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            assert await asyncio.to_thread(gate.held.wait, SECONDS), "nothing was written"
        finally:
            watching.kill()
            await watching.wait()
        gate.holds = False
        assert bench.rows() == []
        done = await asyncio.to_thread(
            run_process, "review", "watch", "--once", environment=environment
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["published"] == 1
    (row,) = bench.rows()
    assert (row.value, row.review_status) == ("41 mm", ReviewStatus.CORRECTED)
