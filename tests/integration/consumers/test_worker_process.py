"""The worker as a process that is killed and signalled."""

import asyncio
import contextlib
import json
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.broker import EmbeddedBroker
from tests.integration.consumers.worker_harness import (
    committed,
    message,
    publish,
    read_all,
    report,
    settings_for,
)
from tests.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[3]
SCRIPT = "tests.integration.consumers.worker_process"

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def worker_process(settings, file, seconds, output, *more):
    with output.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", SCRIPT, settings.model_dump_json(), file, str(seconds), *more),
            cwd=ROOT,
            stdout=out,
            stderr=out,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def names(file):
    return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def file(tmp_path):
    return tmp_path / "processed"


@pytest.mark.scenario
async def test_a_killed_worker_loses_nothing(settings, file, tmp_path):
    total = 300
    output = tmp_path / "log"
    await publish(settings, [message(settings, report(f"r{n}")) for n in range(total)])
    async with worker_process(settings, file, 0.3, output) as process:
        await until(lambda: len(names(file)) > 60)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    before = len(names(file))
    assert before < total
    async with worker_process(settings, file, 0.0, output) as process:
        await until(lambda: len(set(names(file))) == total)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
    assert committed(settings) == total
    outcomes = {row.key for row in read_all(settings, settings.kafka.outcome_topic)}
    assert len(outcomes) == total
    assert "Traceback" not in output.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_what_has_begun_and_commits(settings, file, tmp_path, number):
    await publish(settings, [message(settings, report(f"r{n}")) for n in range(200)])
    output = tmp_path / "log"
    async with worker_process(settings, file, 0.3, output) as process:
        await until(lambda: len(names(file)) > 10)
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
    done = len(names(file))
    assert done < 200
    # Every partition is processed in order up to the parallel bound, and all that began has ended.
    assert committed(settings) == done
    assert len(read_all(settings, settings.kafka.outcome_topic)) == done
    assert "Traceback" not in output.read_text()


async def test_a_second_signal_ends_without_waiting_for_work(settings, file, tmp_path):
    patient = settings.model_copy(update={"shutdown_timeout_seconds": 60.0})
    await publish(patient, [message(patient, report(f"r{n}")) for n in range(4)])
    output = tmp_path / "log"
    async with worker_process(patient, file, 40.0, output) as process:
        await until(lambda: "partitions assigned" in output.read_text())
        await until(lambda: "oncofhir_records_in_flight 4" in get(output, "/metrics"))
        process.send_signal(signal.SIGTERM)
        await until(lambda: '"running": 4' in output.read_text())
        await asyncio.sleep(1.0)
        assert process.returncode is None
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
    assert committed(patient) == 0
    assert not names(file)
    assert "Traceback" not in output.read_text()


def get(output, path):
    """The answer to a request; the worker's first line of log names its port."""
    port = json.loads(output.read_text().splitlines()[0])["http_port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.read().decode()


def get_status(output, path):
    """The status of a probe."""
    try:
        get(output, path)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    return 200


@pytest.mark.scenario
async def test_a_broker_that_comes_back_is_taken_up_again_even_if_it_forgot_everything(
    file, tmp_path
):
    """In a process of its own: kafka-python leaves sockets of refused connections to the collector."""
    broker = EmbeddedBroker()
    settings = settings_for(broker.address)
    output = tmp_path / "log"
    try:
        await asyncio.to_thread(broker.start)
        await asyncio.to_thread(ensure_topics, settings.kafka)
        async with worker_process(settings, file, 0.0, output) as process:
            await publish(settings, [message(settings, report(f"r{n}")) for n in range(100)])
            await until(lambda: len(set(names(file))) == 100)
            assert get_status(output, "/ready") == 200
            broker.stop()
            await until(lambda: get_status(output, "/ready") == 503)
            assert get_status(output, "/live") == 200
            broker = EmbeddedBroker(broker.port)
            await asyncio.to_thread(broker.start)
            await asyncio.to_thread(ensure_topics, settings.kafka)
            await publish(settings, [message(settings, report(f"s{n}")) for n in range(40)])
            await until(lambda: len(set(names(file))) == 140)
            await until(lambda: get_status(output, "/ready") == 200)
            await until(lambda: committed(settings) == 40)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
        assert len({o.key for o in read_all(settings, settings.kafka.outcome_topic)}) == 40
        assert not read_all(settings, settings.kafka.dead_letter_topic)
        assert "Traceback" not in output.read_text()
    finally:
        broker.stop()
