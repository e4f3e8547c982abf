"""The worker looks at its topics at start: a missing one ends it, with the remedy."""

import os
import subprocess
import sys

import pytest
import structlog

from oncofhir.consumers.health.startup_checks import check_topics_at_startup
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.consumers.worker import Worker
from oncofhir.settings import SettingsError
from tests.integration.consumers.worker_harness import InstantProcessor, running, settings_for
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def test_a_missing_topic_ends_the_worker_and_names_the_remedy(broker):
    settings = settings_for(broker.address, history=True)
    ensure_topics(settings.kafka.model_copy(update={"document_reference_backfill_topic": None}))
    worker = Worker(settings, InstantProcessor())
    with pytest.raises(SettingsError, match="oncofhir topics ensure") as raised:
        await worker.run()
    assert f"missing: {settings.kafka.document_reference_backfill_topic};" in str(raised.value)
    assert not worker.status.started().ok


async def test_the_command_ends_with_2(broker):
    settings = settings_for(broker.address)
    environment = os.environ | {
        "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
        "ONCOFHIR_KAFKA__OUTCOME_TOPIC": settings.kafka.outcome_topic,
        "ONCOFHIR_HTTP__PORT": "0",
    }
    ended = subprocess.run(  # noqa: ASYNC221 - our own command, and nothing else runs in this loop
        [sys.executable, "-m", "oncofhir", "worker"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert settings.kafka.outcome_topic in ended.stderr
    assert "oncofhir topics ensure" in ended.stderr


async def test_it_can_be_switched_off(broker):
    made = settings_for(broker.address, check_topics=False)
    ensure_topics(made.kafka.model_copy(update={"outcome_topic": made.kafka.phenotype_topic}))
    async with running(made, InstantProcessor()) as worker:
        await until(lambda: worker.status.joined)


async def test_what_is_only_advisable_is_said(broker):
    settings = settings_for(broker.address)
    ensure_topics(settings.kafka)
    small = settings.kafka.model_copy(update={"max_request_bytes": 1})
    with structlog.testing.capture_logs() as said:
        await check_topics_at_startup(small)
    assert said
    assert {entry["event"] for entry in said} == {
        "broker does not describe topic settings; skipping these checks",
        "topics may lose records when a broker fails",
    }
    assert all(len(entry["topics"]) == 5 for entry in said)
    assert {entry["log_level"] for entry in said} == {"info"}
