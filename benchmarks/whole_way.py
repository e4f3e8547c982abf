"""What a report costs on its whole way, against a plain loop: `python -m benchmarks.whole_way`.

`oncofhir worker` reads reports from Apache Kafka, asks a model stand-in all questions, and writes to the
embedded FHIR server and to Kafka. The plain loop uses the same client libraries: it polls, asks as many
questions at once, posts a Bundle with the same resources and commits. It reads no attachment beyond base64,
grounds no answer, looks up no earlier version, validates nothing, writes no rows and recovers from nothing.
`ratio` is CPU time per report of the worker's processes against that of the loop's, after a warm-up; servers
are not counted. Option: --reports N.
"""

import argparse
import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import httpx2
import psutil
from confluent_kafka import Producer
from kafka import KafkaConsumer

from benchmarks.output import report_of, repository
from benchmarks.reports import report_text
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.process import Process, free_port, responds
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.inference.interpretation.interpret import interpret
from oncofhir.inference.prompting.prompts import load_prompt_set
from oncofhir.schemas.extraction import Answer, Extraction, ModelIdentity, PromptSetIdentity
from oncofhir.schemas.identity import run_of
from oncofhir.settings import Settings
from tests.apache_kafka.broker import ApacheKafka
from tests.builders import pathology_report
from tests.integration.consumers.worker_harness import read_all, settings_for

GOAL = 5.0
WORDS = 400
WARM_UP = 20
IN_FLIGHT = 8
PROMPTS = "cancerllm"
_MARK = "00000000"
ANSWER = "invasive ductal carcinoma"  # as canned_model
MODEL = ModelIdentity(name="m", digest="d", server="benchmark")
IDENTITY = PromptSetIdentity(name="p", version="1", sha256="s")


def fill(settings: Settings, count: int) -> None:
    """Publish reports of a page, each of a document of its own."""
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap_servers, "linger.ms": 20})
    for number in range(count):
        resource = pathology_report(f"w{number}", report_text(number, WORDS), patient="benchmark")
        producer.produce(
            settings.kafka.diagnostic_report_topic, json.dumps(resource).encode(), f"w{number}"
        )
        producer.poll(0)
    producer.flush()


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and all its children, living or ended."""
    process = psutil.Process(pid)
    times = process.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for child in process.children(recursive=True):
        own = child.cpu_times()
        total += own.user + own.system
    return float(total)


@contextmanager
def canned_model() -> Iterator[str]:
    """A model server that answers at once."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.canned_model", str(port)]
    url = f"http://127.0.0.1:{port}"
    with Process("canned-model", command, ready=lambda: responds(f"{url}/info")):
        yield url


def bundle_template() -> str:
    """Return the worker's transaction for the stand-in's answers; _MARK begins each resource's id."""

    async def build() -> dict[str, Any]:
        client = FhirClient("http://127.0.0.1:9/fhir")
        report = await report_of("plain-loop")
        asked = load_prompt_set(PROMPTS).questions
        answers = tuple(Answer(question=q, text=ANSWER, finish_reason="eos_token") for q in asked)
        findings, rejected = interpret(report, answers)
        extraction = Extraction(
            model=MODEL, prompt_set=IDENTITY, findings=findings, rejected=rejected
        )
        run = run_of(report, MODEL, IDENTITY, "x", "1", "1")
        bundle, _ = repository(client).first_version(report, run, extraction)
        await client.aclose()
        return bundle

    bundle = asyncio.run(build())
    text = json.dumps(bundle)
    for entry in bundle["entry"]:
        ident = entry["fullUrl"].removeprefix("urn:uuid:")
        text = text.replace(ident, _MARK + ident[len(_MARK) :])
    return text


async def plain_loop(broker: str, topic: str, model: str, store: str, count: int) -> None:
    """Consume, ask, post and commit; prints a line when the warm-up is over and one at the end."""
    template = sys.stdin.read()
    questions = load_prompt_set(PROMPTS).questions
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=broker,
        group_id=f"plain-{time.time_ns()}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        metrics_enabled=False,
    )
    done = 0
    places = asyncio.Semaphore(IN_FLIGHT)
    async with aiohttp.ClientSession() as asker, httpx2.AsyncClient() as poster:

        async def ask(prompt: str) -> str:
            body = {
                "inputs": prompt,
                "parameters": {"max_new_tokens": 64, "details": True, "top_n_tokens": 2},
            }
            async with asker.post(f"{model}/generate", json=body) as answer:
                found: str = (await answer.json())["generated_text"]
                return found

        async def work(value: bytes) -> None:
            nonlocal done
            async with places:
                report = json.loads(value)
                text = base64.b64decode(report["presentedForm"][0]["data"]).decode()
                await asyncio.gather(*(ask(f"{text}\n{question}") for question in questions))
                mark = f"{int(report['id'][1:]) + 1:08x}"
                bundle = json.loads(template.replace(_MARK, mark))
                answer = await poster.post(store, json=bundle, timeout=60)
                answer.raise_for_status()
                done += 1
                if done == WARM_UP:
                    print("warm", flush=True)

        while done < count:
            polled = await asyncio.to_thread(consumer.poll, 200, max_records=64)
            await asyncio.gather(
                *(work(record.value) for batch in polled.values() for record in batch)
            )
            consumer.commit_async()
    print("done", flush=True)
    await asyncio.to_thread(sys.stdin.close)
    signal.pause()


def measure_loop(settings: Settings, model: str, store: str, count: int) -> float:
    """CPU seconds per report of the plain loop."""
    command = [sys.executable, "-m", "benchmarks.whole_way", "--plain"]
    arguments = [
        settings.kafka.bootstrap_servers,
        settings.kafka.diagnostic_report_topic,
        model,
        store,
    ]
    with subprocess.Popen(
        [*command, *arguments, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as loop:
        assert loop.stdin is not None
        assert loop.stdout is not None
        loop.stdin.write(bundle_template())
        loop.stdin.close()
        try:
            assert loop.stdout.readline() == "warm\n"
            before = cpu_seconds(loop.pid)
            assert loop.stdout.readline() == "done\n"
            return (cpu_seconds(loop.pid) - before) / (count - WARM_UP)
        finally:
            loop.terminate()


def measure_worker(settings: Settings, model: str, store: str, count: int) -> float:
    """CPU seconds per report of `oncofhir worker`."""
    port = free_port()
    kafka = settings.kafka
    names = kafka.model_fields_set - {"commit_interval_seconds"}
    environment = {f"ONCOFHIR_KAFKA__{n.upper()}": str(getattr(kafka, n)) for n in names} | {
        "ONCOFHIR_KAFKA__MAX_IN_FLIGHT_RECORDS": str(IN_FLIGHT),
        "ONCOFHIR_FHIR__BASE_URL": store,
        "ONCOFHIR_FHIR__IDENTIFIER_SYSTEM": "https://benchmark.example/sid",
        "ONCOFHIR_MODEL__URL": model,
        "ONCOFHIR_MODEL__PROMPT_SET": PROMPTS,
        "ONCOFHIR_HTTP__PORT": str(port),
        "ONCOFHIR_HTTP__HOST": "127.0.0.1",
    }
    worker = Process(
        "worker",
        [sys.executable, "-m", "oncofhir", "worker"],
        ready=lambda: responds(f"http://127.0.0.1:{port}/ready"),
        environment=os.environ | environment,
        wait_seconds=90.0,
    )
    with worker:
        assert worker.pid is not None
        first = wait_for(lambda: reports_done(port), WARM_UP, worker)
        before = cpu_seconds(worker.pid)
        last = wait_for(lambda: reports_done(port), count, worker)
        used = cpu_seconds(worker.pid) - before
    outcomes = [json.loads(r.value)["status"] for r in read_all(settings, kafka.outcome_topic)]
    assert outcomes.count("found") == count, outcomes
    return used / (last - first)


def wait_for(done: Callable[[], int], wanted: int, worker: Process) -> int:
    deadline = time.monotonic() + 300
    while (count := done()) < wanted:
        assert worker.returncode is None, worker.last_output()
        assert time.monotonic() < deadline, worker.last_output()
        time.sleep(1.0)  # as seldom as the count allows: its own cost is in the measured time
    return count


def reports_done(port: int) -> int:
    """How many reports the worker has finished, as its metrics say."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    counts = [line for line in lines if line.startswith("oncofhir_reports_total{")]
    return int(sum(float(line.rpartition(" ")[2]) for line in counts))


def main() -> None:
    """Command line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends with us
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--reports", type=int, default=200)
    parser.add_argument("--plain", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.plain:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        *addresses, count = arguments.plain
        asyncio.run(plain_loop(*addresses, int(count)))
        return
    count = arguments.reports + WARM_UP
    with ApacheKafka() as broker, EmbeddedFhirServer() as fhir, canned_model() as model:
        settings = settings_for(broker.address)
        ensure_topics(settings.kafka, partitions=4)
        httpx2.put(
            f"{fhir.base_url}/Patient/benchmark",
            json={"resourceType": "Patient", "id": "benchmark"},
        )
        fill(settings, count)
        worker = measure_worker(settings, model, fhir.base_url, count)
        loop = measure_loop(settings, model, fhir.base_url, count)
    ratio = worker / loop
    line: dict[str, Any] = {
        "name": "whole-way-cpu",
        "ratio": round(ratio, 2),
        "goal": GOAL,
        "met": ratio <= GOAL,
    }
    line |= {
        "worker_milliseconds": round(1000 * worker, 1),
        "plain_loop_milliseconds": round(1000 * loop, 1),
        "reports": arguments.reports,
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
