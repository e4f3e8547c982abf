"""How soon the worker asks again when the model server is back: `python -m benchmarks.model_return`.

`oncofhir worker` reads a backlog from the embedded broker. The model server is stopped under load, stays away
long enough that all waiting has reached its longest delay, and starts again at the same port. Measured is the
time from its first successful health check to its first answer. At the end every report must have an outcome
and none may be a dead letter. Options: --outages N, --down SECONDS, --server scripted|llama.
"""

import argparse
import asyncio
import json
import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Protocol

import httpx2

from benchmarks.reports import report_text
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.consumers.publishing.output_reader import (
    PublishedDeadLetter,
    PublishedOutcome,
    output_reader,
)
from oncofhir.consumers.publishing.report_publisher import publish_messages, resource_message
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.model_server import EmbeddedModelServer
from oncofhir.demo.run import PARTITIONS, Demo
from oncofhir.settings import KafkaSettings
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import pathology_report

GOAL = 5.0
WORDS = 200
REPORTS_PER_OUTAGE = 80
UNDER_LOAD = 15  # outcomes before the server goes
LONGEST_DRAIN = 300.0
_SUCCESS = re.compile(r"^tgi_request_success_total (\S+)$", re.MULTILINE)


class Server(Protocol):
    """A model server that can be stopped and started at its port."""

    @property
    def url(self) -> str: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Scripted:
    """The scripted server, which answers a question after a tenth of a second."""

    def __init__(self) -> None:
        self._model = ScriptedModel([{"contains": [], "answer": "left", "delay_seconds": 0.1}])
        self.url = self._model.url
        self.start, self.stop = self._model.start, self._model.stop_process


SERVERS: dict[str, tuple[Callable[[], Server], str]] = {
    "scripted": (Scripted, "cancerllm"),
    "llama": (EmbeddedModelServer, "oncofhir-small"),
}


class Service:
    """Broker, FHIR server and worker beside a model server, and what has become of the reports."""

    def __init__(self, server: Server, demo: Demo, kafka: KafkaSettings) -> None:
        self._server = server
        self._demo = demo
        self._kafka = kafka
        self.published = 0
        self.outcomes: set[object] = set()
        self.dead_letters = 0

    def publish(self, count: int) -> None:
        """Publish new reports."""
        numbers = range(self.published, self.published + count)
        self.published += count
        reports = (pathology_report(f"m{n}", f"{report_text(n, WORDS)} {n}") for n in numbers)
        messages = [resource_message(report, self._kafka) for report in reports]

        async def send() -> None:
            async for _ in publish_messages(messages, self._kafka):
                pass

        asyncio.run(send())

    def wait_for(self, outcomes: int) -> None:
        """Wait until so many reports have an outcome or are dead letters.

        Raises:
            TimeoutError: that took too long.
        """
        deadline = time.monotonic() + LONGEST_DRAIN
        with output_reader(self._kafka, "benchmark", from_beginning=True) as reader:
            self.outcomes, self.dead_letters = set(), 0
            while len(self.outcomes) + self.dead_letters < outcomes:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{len(self.outcomes)} of {outcomes} reports")
                for output in reader.poll(200):
                    self.dead_letters += isinstance(output, PublishedDeadLetter)
                    if isinstance(output, PublishedOutcome):
                        self.outcomes.add(output.source)

    def outage(self, down: float) -> float:
        """Stop the model server under load. Return the seconds from its return to its first answer."""
        self._server.stop()
        time.sleep(down)
        self._server.start()  # returns when its health check succeeds
        began = time.monotonic()
        while not self._answered():
            if time.monotonic() - began > LONGEST_DRAIN:
                raise TimeoutError("no question was asked")
            time.sleep(0.02)
        return time.monotonic() - began

    def _answered(self) -> bool:
        text = httpx2.get(f"{self._server.url}/metrics", trust_env=False, timeout=10).text
        found = _SUCCESS.search(text)
        return found is not None and float(found[1]) > 0

    def start_worker(self) -> None:
        """Start it."""
        self._demo.worker.start()


@contextmanager
def service(server: Server, prompt_set: str) -> Iterator[Service]:
    """Run everything."""
    with EmbeddedBroker() as broker, EmbeddedFhirServer() as fhir:
        environment = {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
            "ONCOFHIR_FHIR__BASE_URL": fhir.base_url,
            "ONCOFHIR_MODEL__URL": server.url,
            "ONCOFHIR_MODEL__PROMPT_SET": prompt_set,
        }
        parts = SimpleNamespace(broker=broker, fhir=fhir, environment=environment)
        kafka = KafkaSettings(bootstrap_servers=broker.address)
        ensure_topics(kafka, partitions=PARTITIONS)
        server.start()
        try:
            with Demo(parts, lambda _: None) as demo:  # type: ignore[arg-type] # what it needs of a stack
                yield Service(server, demo, kafka)
        finally:
            server.stop()


def measure(name: str, outages: int, down: float) -> dict[str, object]:
    """Measure so many outages, one after another."""
    build, prompt_set = SERVERS[name]
    seconds = []
    with service(build(), prompt_set) as running:
        running.start_worker()
        for _ in range(outages):
            running.publish(REPORTS_PER_OUTAGE)
            running.wait_for(running.published - REPORTS_PER_OUTAGE + UNDER_LOAD)
            seconds.append(running.outage(down))
        running.wait_for(running.published)
    return {
        "name": f"model-return-{name}",
        "outages": outages,
        "down_seconds": down,
        "seconds_to_first_answer": [round(each, 2) for each in sorted(seconds)],
        "median": round(statistics.median(seconds), 2),
        "ratio": round(max(seconds) / GOAL, 2),
        "goal_seconds": GOAL,
        "met": max(seconds) <= GOAL,
        "reports": running.published,
        "dead_letters": running.dead_letters,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--outages", type=int, default=6)
    parser.add_argument("--down", type=float, default=15.0)
    parser.add_argument("--server", choices=list(SERVERS), nargs="*", default=list(SERVERS))
    arguments = parser.parse_args()
    for name in arguments.server:
        print(json.dumps(measure(name, arguments.outages, arguments.down)), flush=True)


if __name__ == "__main__":
    main()
