"""`oncofhir worker` as a process on Apache Kafka, and the commands that an operator runs beside it."""

import asyncio
import json
import os
import subprocess
import sys

import httpx2
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from oncofhir.demo.process import free_port
from tests.integration.consumers.worker_harness import read_all

LARGEST = 32 * 2**20
_NAMES = (
    "bootstrap_servers",
    "group_id",
    "diagnostic_report_topic",
    "document_reference_topic",
    "phenotype_topic",
    "outcome_topic",
    "dead_letter_topic",
)


class LiveWorker:
    """`oncofhir worker` as a process, and what `/ready` answered while it ran.

    `settings` are those of Kafka, `more` further variables of the environment.
    """

    def __init__(self, settings, folder, **more):
        self.port = free_port()
        topics = {f"ONCOFHIR_KAFKA__{n.upper()}": getattr(settings.kafka, n) for n in _NAMES}
        ours = {
            "ONCOFHIR_FHIR__IDENTIFIER_SYSTEM": "https://oncofhir.example.org/test",
            "ONCOFHIR_HTTP__PORT": str(self.port),
            "ONCOFHIR_LOG__FORMAT": "json",
            "ONCOFHIR_KAFKA__COMMIT_INTERVAL_SECONDS": "0.2",
            "ONCOFHIR_RETRY__MAX_DELAY_SECONDS": "2",
        }
        self.environment = os.environ | topics | ours | more
        self.ready = []
        self._log = folder / f"worker-{self.port}.log"

    def run(self, *words, status=0, **more):
        """Run a command to its end; `more` are variables for it alone."""
        run = subprocess.run(
            [sys.executable, "-m", "oncofhir", *words],
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == status, run.stderr
        return run

    def command(self, *words, status=0, **more):
        """The JSON lines that a command prints."""
        ended = self.run(*words, status=status, **more)
        return [json.loads(line) for line in ended.stdout.splitlines()]

    async def __aenter__(self):
        with self._log.open("wb") as out:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "oncofhir",
                "worker",
                env=self.environment,
                stdout=out,
                stderr=out,
            )
        self._probing = asyncio.create_task(self._probe())
        return self

    async def __aexit__(self, *_):
        self._probing.cancel()
        if self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()

    async def _probe(self):
        async with httpx2.AsyncClient(trust_env=False) as http:
            while True:
                try:
                    answer = await http.get(f"http://127.0.0.1:{self.port}/ready", timeout=5)
                    self.ready.append(answer.json())
                except httpx2.HTTPError:
                    pass
                await asyncio.sleep(0.1)

    @property
    def log(self):
        return self._log.read_text()


def limit_topic(settings, topic, most):
    """Set max.message.bytes of a topic."""
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    configs = {"max.message.bytes": str(most)}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=configs)])
    admin.close()


def publish_large(settings, resource):
    """Publish a report that no dead-letter topic takes. Return its coordinates."""
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        max_request_size=LARGEST,
        max_block_ms=60_000,
    )
    sent = producer.send(settings.kafka.diagnostic_report_topic, json.dumps(resource).encode())
    at = sent.get(60)
    producer.close()
    return f"{at.topic}/{at.partition}/{at.offset}"


def outcomes(settings):
    """The last outcome of each report."""
    rows = [json.loads(r.value) for r in read_all(settings, settings.kafka.outcome_topic)]
    return {row["source"]: row for row in rows}
