"""What traces cost: CPU per report of a worker with traces on, over that of one with traces off, in pairs.

`python -m benchmarks.tracing [--pairs N] [--reports N]` starts an embedded broker, FHIR server, a scripted
model server and a collector, each a process of its own, and two workers in this one: only their CPU time
is counted, the exporter's thread included. They work in turn on a few reports each, so that what else runs on
the machine meets both; what both take when idle is subtracted. Prints one JSON object: the median of the
pairs' ratios, and the goal.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

import structlog

from oncofhir.consumers.composition.pipeline import build_parsing_pool, build_pipeline
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.consumers.publishing.report_publisher import publish_resources
from oncofhir.consumers.worker import Worker
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.process import free_port
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer
from oncofhir.settings import (
    FhirSettings,
    HttpSettings,
    KafkaSettings,
    ModelSettings,
    Settings,
    TracingSettings,
)
from oncofhir.telemetry.tracing.otlp_tracer import OtlpTracer
from oncofhir.telemetry.tracing.setup import tracing
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import BREAST, pathology_report
from tests.integration.scenarios.test_main_job import SCRIPT

GOAL = 1.1
IDLE_SECONDS = 5.0
TOPICS = ("diagnostic_report", "document_reference", "phenotype", "outcome", "dead_letter")


def settings_for(broker: str, fhir: str, model: str) -> Settings:
    """Settings with topics and a group of their own."""
    name = uuid.uuid4().hex[:8]
    topics = {f"{kind}_topic": f"{name}.{kind}" for kind in TOPICS}
    return Settings(
        kafka=KafkaSettings(
            bootstrap_servers=broker, group_id=name, session_timeout_ms=6_000, **topics
        ),
        fhir=FhirSettings(base_url=fhir),
        model=ModelSettings(url=model),
        http=HttpSettings(host="127.0.0.1", port=0),
    )


@dataclass
class Measured:
    """CPU and wall seconds."""

    cpu: float
    wall: float


class RunningWorker:
    """A worker of this process, and how many reports it was given."""

    def __init__(self, settings: Settings, worker: Worker, tracer: Tracer) -> None:
        self._settings = settings
        self._outcomes = worker._record_processor.outcomes  # noqa: SLF001
        self._tracer = tracer
        self._given = 0

    async def work(self, reports: int) -> Measured:
        """Publish reports, and wait until all have ended and their spans are sent."""
        name = self._settings.kafka.group_id
        numbers = range(self._given, self._given + reports)
        self._given += reports
        resources = [pathology_report(f"{name}-{n}", f"{BREAST} {name} {n}") for n in numbers]
        cpu, wall = time.process_time(), time.perf_counter()
        async for _ in publish_resources(resources, self._settings.kafka):
            pass
        while self._outcomes.total() < self._given:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        if isinstance(self._tracer, OtlpTracer):
            await asyncio.to_thread(self._tracer._provider.force_flush)  # noqa: SLF001
        return Measured(time.process_time() - cpu, time.perf_counter() - wall)


@asynccontextmanager
async def running(settings: Settings, tracer: Tracer) -> AsyncIterator[RunningWorker]:
    """A worker while the context lasts."""
    ensure_topics(settings.kafka, partitions=4)
    pool = build_parsing_pool(settings)
    way = build_pipeline(settings, pool.parse, tracer)
    worker = Worker(settings, way, way.model_queue, tracer=tracer)
    task = asyncio.create_task(worker.run())
    try:
        yield RunningWorker(settings, worker, tracer)
    finally:
        worker.stop()
        await task
        await pool.aclose()


async def pairs(
    off: RunningWorker, on: RunningWorker, count: int, reports: int
) -> list[tuple[float, float]]:
    """CPU seconds per report, without and with traces, of each pair."""
    for each in (off, on, off, on):  # imports, caches, connections
        await each.work(3)
    cpu = time.process_time()
    await asyncio.sleep(IDLE_SECONDS)
    idle = (time.process_time() - cpu) / IDLE_SECONDS
    found = []
    for number in range(count):
        order = (off, on) if number % 2 else (on, off)
        took = {each: await each.work(reports) for each in order}
        net_off, net_on = (
            (took[each].cpu - idle * took[each].wall) / reports for each in (off, on)
        )
        found.append((net_off, net_on))
    return found


@contextmanager
def collector() -> Iterator[str]:
    """A collector in a process of its own; yields its URL."""
    port = free_port()
    command = [sys.executable, "-m", "tests.otlp_collector", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    if process.stdout is None or not process.stdout.readline():
        raise RuntimeError("the collector did not start")
    with subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL):
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


async def measure(parts: tuple[str, str, str], tracer: Tracer, count: int, reports: int) -> list:
    """Both workers, and the pairs."""
    async with (
        running(settings_for(*parts), NO_TRACING) as off,
        running(settings_for(*parts), tracer) as on,
    ):
        return await pairs(off, on, count, reports)


def main() -> None:
    """Run and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pairs", type=int, default=20)
    arguments.add_argument("--reports", type=int, default=8)
    given = arguments.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker())
        fhir = stack.enter_context(EmbeddedFhirServer())
        model = stack.enter_context(ScriptedModel(SCRIPT))
        endpoint = stack.enter_context(collector())
        tracer = stack.enter_context(tracing(TracingSettings(endpoint=endpoint)))
        parts = (broker.address, fhir.base_url, model.url)
        found = asyncio.run(measure(parts, tracer, given.pairs, given.reports))
    ratios = [on / off for off, on in found]
    result = {
        "name": "tracing-cpu",
        "ratio": round(statistics.median(ratios), 3),
        "goal": GOAL,
        "quartiles": [round(q, 3) for q in statistics.quantiles(ratios, n=4)],
        "ms_per_report_off": round(statistics.median(off for off, _ in found) * 1000, 1),
        "ms_per_report_on": round(statistics.median(on for _, on in found) * 1000, 1),
        "pairs": given.pairs,
        "reports": given.reports,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
