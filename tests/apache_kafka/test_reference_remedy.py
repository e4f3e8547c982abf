"""The remedy of a record that no dead letter can hold, followed word for word until its report is in the store."""

import asyncio
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.testing.scripted_model import ScriptedModel
from tests.apache_kafka.broker import ApacheKafka
from tests.apache_kafka.live_worker import (
    LARGEST,
    LiveWorker,
    limit_topic,
    outcomes,
    publish_large,
)
from tests.builders import attachment, diagnostic_report
from tests.integration.consumers.worker_harness import settings_for
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT
from tests.pdfs import Page, pdf
from tests.waiting import until

pytestmark = pytest.mark.anyio

PAGE = Path("docs/how-to/dead-letters.md")
IMAGE_BYTES = 21 * 2**20
DIAGNOSIS = "FINAL DIAGNOSIS: Left breast: invasive ductal carcinoma, 2.3 cm."


def large_report():
    """A scanned page as an image that nobody sees, beside the words: 21 MiB of PDF, 29 MB of JSON."""
    document = pdf(Page((DIAGNOSIS,)), image=os.urandom(IMAGE_BYTES))
    form = attachment(document, "application/pdf")
    subject = {"reference": "Patient/p1"}
    return diagnostic_report("large", form, meta={"versionId": "1"}, subject=subject)


def settings_named(remedy, detail):
    """What the remedy says to raise, at the size that the detail states."""
    (name,) = re.findall(r"Raise `(ONCOFHIR_\w+)`", remedy)
    (size,) = re.findall(r"(\d+) bytes", detail)
    return {name: size}


def shell(command, worker):
    """Run the command of a remedy as a shell does."""
    words = shlex.split(command)
    variables = dict(word.split("=", 1) for word in words if re.match(r"ONCOFHIR_\w+=", word))
    program, *arguments = words[len(variables) :]
    assert program == "oncofhir"
    return subprocess.run(
        [sys.executable, "-m", "oncofhir", *arguments],
        env=worker.environment | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.timeout(300)
async def test_the_printed_remedy_brings_the_report_into_the_store(tmp_path):
    properties = {
        "replica.fetch.max.bytes": str(LARGEST),
        "socket.request.max.bytes": str(2 * LARGEST),
    }
    with (
        ApacheKafka(properties=properties, heap="768m") as broker,
        EmbeddedFhirServer() as fhir,
        ScriptedModel(SCRIPT) as model,
    ):
        patient = f"{fhir.base_url}/Patient/p1"
        httpx2.put(patient, json=PATIENT, trust_env=False).raise_for_status()
        settings = settings_for(broker.address)
        topic = settings.kafka.diagnostic_report_topic
        await asyncio.to_thread(ensure_topics, settings.kafka, partitions=2)
        await asyncio.to_thread(limit_topic, settings, topic, LARGEST)
        large = large_report()
        published = await asyncio.to_thread(publish_large, settings, large)
        servers = {"ONCOFHIR_FHIR__BASE_URL": fhir.base_url, "ONCOFHIR_MODEL__URL": model.url}

        first = LiveWorker(settings, tmp_path, **servers)
        async with first:
            await until(lambda: "a reference to it is written" in first.log)
            await until(lambda: "DiagnosticReport/large" in outcomes(settings))
        (letter,) = await asyncio.to_thread(first.command, "dead-letters", "list")
        assert letter["reason"] == "attachment-too-large"
        assert (
            f"{letter['topic']}/{letter['source_partition']}/{letter['source_offset']}" == published
        )

        # Without the setting, the command says what it needs, and changes nothing.
        ended = await asyncio.to_thread(first.run, "dead-letters", "replay", status=1)
        needed = f"ONCOFHIR_KAFKA__MAX_REQUEST_BYTES must be {letter['size']} or more"
        assert needed in ended.stderr
        assert "too-large" in ended.stdout

        # A topic that no longer takes the record: said, with what to raise.
        command = letter["remedy"].partition("run: ")[2]
        await asyncio.to_thread(limit_topic, settings, topic, 2**20)
        ended = await asyncio.to_thread(shell, command, first)
        assert ended.returncode == 1, ended.stderr
        assert "raise its max.message.bytes" in ended.stderr
        await asyncio.to_thread(limit_topic, settings, topic, LARGEST)

        # The remedy, word for word: raise the limit of the worker, and run the command.
        raised = settings_named(letter["remedy"], letter["detail"])
        second = LiveWorker(settings, tmp_path, **servers, **raised)
        async with second:
            ended = await asyncio.to_thread(shell, command, second)
            assert ended.returncode == 0, ended.stderr
            await until(
                lambda: outcomes(settings)["DiagnosticReport/large"]["status"] == "found",
                seconds=90,
            )
        conditions = httpx2.get(f"{fhir.base_url}/Condition?subject=Patient/p1", trust_env=False)
        stored = [entry["resource"] for entry in conditions.json()["entry"]]
        assert any("breast" in str(resource).lower() for resource in stored)
        (replayed,) = await asyncio.to_thread(second.command, "dead-letters", "list")
        assert replayed["replayed"] is True
        *_, summary = await asyncio.to_thread(second.command, "reconcile")
        assert summary["summary"]["problems"] == {}


def test_the_page_says_the_same_as_the_command():
    steps = PAGE.read_text().partition("## The record was too large to be copied")[2]
    assert re.search(
        r"export ONCOFHIR_KAFKA__MAX_REQUEST_BYTES=\d+\n\s+oncofhir dead-letters replay", steps
    )
    for name in ("ONCOFHIR_INTAKE__MAX_ATTACHMENT_BYTES", "`too-large`", "`rejected`", "`gone`"):
        assert name in steps
