"""Runs the demo: publishes reports, waits until the worker has processed them, and counts the outcomes."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import httpx2

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.consumers.publishing.output_reader import (
    Output,
    PublishedDeadLetter,
    PublishedOutcome,
    output_reader,
)
from oncofhir.consumers.publishing.report_publisher import (
    publish_messages,
    raw_message,
    resource_message,
)
from oncofhir.demo.accounting import Account, Published
from oncofhir.demo.process import Process, free_port, responds
from oncofhir.demo.stack import Stack
from oncofhir.schemas.base import Value
from oncofhir.schemas.outcome import PhenotypeRow
from oncofhir.settings import KafkaSettings

PARTITIONS = 4
QUIET_SECONDS = 120.0
GRACE_SECONDS = 25.0
WRITTEN_TYPES = (
    "Condition",
    "Observation",
    "Specimen",
    "Provenance",
    "Task",
    "Device",
    "DocumentReference",
)
Progress = Callable[[str], None]


class Record(Value):
    """A record to publish: a resource, or bytes that are none, and its number of reports."""

    raw: bytes
    resource: dict[str, Any] | None = None
    reports: int = 1


class Summary(Value):
    """The last line of `oncofhir demo --json` (contract)."""

    reports: int
    processed: int
    skipped: int
    dead_lettered: int
    resources: dict[str, int]
    rows: int
    seconds: float
    lost: int


class WorkerEndedError(Exception):
    """The worker ended before all reports were processed. The message has the end of its log."""


class Demo:
    """One run of the demo on a started stack. A context manager: the worker is stopped at its end."""

    def __init__(self, stack: Stack, progress: Progress) -> None:
        self._stack = stack
        self._progress = progress
        self._kafka = KafkaSettings(
            bootstrap_servers=stack.broker.address,
            group_id="oncofhir-demo",
        )
        self.http_port = free_port()
        # The settings for other commands that use the same servers.
        self.environment = stack.environment | {
            "ONCOFHIR_KAFKA__GROUP_ID": self._kafka.group_id,
            "ONCOFHIR_HTTP__PORT": str(self.http_port),
        }
        self.worker = Process(
            "worker",
            [sys.executable, "-m", "oncofhir", "worker"],
            environment=self.environment
            | {
                "ONCOFHIR_HTTP__PORT": str(self.http_port),
                "ONCOFHIR_KAFKA__EVIDENCE_TEXT": "true",  # its reports are invented
                "ONCOFHIR_HTTP__HOST": "127.0.0.1",
                "ONCOFHIR_LOG__FORMAT": "json",
                # Tansu lets a group join for half the session time-out.
                "ONCOFHIR_KAFKA__SESSION_TIMEOUT_MS": "6000",
            },
            ready=lambda: responds(f"http://127.0.0.1:{self.http_port}/ready"),
            wait_seconds=90.0,
        )

    def run(
        self, records: Sequence[Record], companions: Sequence[dict[str, Any]]
    ) -> tuple[Account, Summary]:
        """Load resources, publish records and wait until every report has an outcome. The worker stays up.

        Raises:
            WorkerEndedError: the worker ended, or nothing happened for `QUIET_SECONDS`.
            StartError: the worker did not start.
        """
        began = time.monotonic()
        self._progress("creating topics")
        ensure_topics(self._kafka, partitions=PARTITIONS)
        self._load(companions)
        self._progress("starting the worker")
        self.worker.start()
        before = self._counts()
        published = self._publish(records)
        account = Account(published)
        self._watch(account)
        after = self._counts()
        counts = account.counts()
        summary = Summary(
            reports=account.reports,
            processed=counts["processed"],
            skipped=counts["skipped"],
            dead_lettered=counts["dead_lettered"],
            resources={kind: after[kind] - before[kind] for kind in WRITTEN_TYPES},
            rows=account.rows_seen,
            seconds=round(time.monotonic() - began, 1),
            lost=account.lost,
        )
        return account, summary

    def _load(self, companions: Sequence[dict[str, Any]]) -> None:
        """Write the resources that reports refer to; report how many the server refused."""
        refused = 0
        base = self._stack.fhir.base_url
        with httpx2.Client(trust_env=False, timeout=30.0) as http:
            for resource in companions:
                kind, ident = resource.get("resourceType"), resource.get("id")
                if not ident or not http.put(f"{base}/{kind}/{ident}", json=resource).is_success:
                    refused += 1
        if companions:
            note = f", {refused} refused by the FHIR server" if refused else ""
            self._progress(f"loaded {len(companions) - refused} resources{note}")

    def _publish(self, records: Sequence[Record]) -> tuple[Published, ...]:
        published = asyncio.run(self._publish_all(records))
        self._progress(f"records published: {len(published)}")
        return published

    async def _publish_all(self, records: Sequence[Record]) -> tuple[Published, ...]:
        messages = [
            raw_message(record.raw, self._kafka)
            if record.resource is None
            else resource_message(record.resource, self._kafka, record.raw)
            for record in records
        ]
        coordinates = [at.coordinates async for at in publish_messages(messages, self._kafka)]
        return tuple(
            Published(coordinates=at, reports=record.reports)
            for at, record in zip(coordinates, records, strict=True)
        )

    def _watch(self, account: Account) -> None:
        """Read the output topics until every report has an outcome or a dead letter."""
        last = time.monotonic()
        with output_reader(self._kafka, "demo", from_beginning=True) as reader:
            while account.lost:
                self._still_running(last)
                for output in reader.poll(200):
                    _take(account, output)
                    last = time.monotonic()
                self._progress(f"{account.accounted} of {account.reports} reports")
            for output in reader.poll(500):
                _take(account, output)

    def _still_running(self, last: float) -> None:
        if self.worker.returncode is not None:
            raise WorkerEndedError(f"the worker ended:\n{self.worker.last_output()}")
        if time.monotonic() - last > QUIET_SECONDS:
            raise WorkerEndedError(
                f"nothing happened for {QUIET_SECONDS:.0f} s; the end of the worker's log:\n"
                f"{self.worker.last_output()}"
            )

    def _counts(self) -> dict[str, int]:
        counts = {}
        with httpx2.Client(trust_env=False, timeout=30.0) as http:
            for kind in WRITTEN_TYPES:
                url = f"{self._stack.fhir.base_url}/{kind}"
                counts[kind] = int(
                    http.get(url, params={"_summary": "count"}).json().get("total", 0)
                )
        return counts

    def stop(self) -> None:
        """Stop the worker with SIGTERM and wait for its graceful shutdown."""
        self.worker.stop(wait_seconds=GRACE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _take(account: Account, output: Output) -> None:
    match output:
        case PublishedOutcome(source, row):
            account.outcome(source, row)
        case PublishedDeadLetter(source, reason):
            account.dead_letter(source, reason)
        case PhenotypeRow():
            account.row(output)


def own_records() -> tuple[Record, ...]:
    """Return the invented reports and the broken record."""
    from oncofhir.demo.reports import broken_record, demo_reports  # noqa: PLC0415

    resources = [report.fhir() for report in demo_reports()]
    records = [Record(raw=json.dumps(r).encode(), resource=r) for r in resources]
    return (*records, Record(raw=broken_record()))
