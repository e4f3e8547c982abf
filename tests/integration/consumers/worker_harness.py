"""What the tests of the worker share: settings, records, a processor with instant results, reading back."""

import asyncio
import contextlib
import json
import uuid
from datetime import UTC, datetime

from kafka import KafkaConsumer, TopicPartition

from oncofhir.consumers.kafka.publisher import Message
from oncofhir.consumers.publishing.report_publisher import publish_messages
from oncofhir.consumers.worker import Worker
from oncofhir.schemas.finding import Basis, Kind
from oncofhir.schemas.outcome import (
    OutcomeRow,
    OutcomeStatus,
    PhenotypeRow,
    Processed,
    RowStatus,
)
from oncofhir.settings import HttpSettings, KafkaSettings, RetrySettings, Settings
from tests.builders import diagnostic_report
from tests.topic_records import records_of


def settings_for(address, *, history=False, **kafka):
    name = uuid.uuid4().hex[:8]
    if history:
        kafka |= {
            "diagnostic_report_backfill_topic": f"{name}.diagnostic-report.history",
            "document_reference_backfill_topic": f"{name}.document-reference.history",
        }
    return Settings(
        kafka=KafkaSettings(
            bootstrap_servers=address,
            group_id=f"group-{name}",
            diagnostic_report_topic=f"{name}.diagnostic-report",
            document_reference_topic=f"{name}.document-reference",
            phenotype_topic=f"{name}.phenotypes",
            outcome_topic=f"{name}.outcomes",
            dead_letter_topic=f"{name}.dead-letters",
            session_timeout_ms=3_000,
            commit_interval_seconds=0.2,
            **kafka,
        ),
        retry=RetrySettings(
            initial_delay_seconds=0.05, max_delay_seconds=0.4, dead_letter_after_seconds=1.0
        ),
        http=HttpSettings(host="127.0.0.1", port=0),
        shutdown_timeout_seconds=5.0,
    )


def report(logical_id, version=1, **more):
    return diagnostic_report(logical_id, **({"meta": {"versionId": str(version)}} | more))


def message(settings, content, key=None, headers=()):
    value = content if isinstance(content, bytes) else json.dumps(content).encode()
    if key is None and isinstance(content, dict):
        key = f"{content['resourceType']}/{content.get('id')}".encode()
    return Message(settings.kafka.diagnostic_report_topic, key, value, tuple(headers))


async def publish(settings, messages):
    return [p.coordinates async for p in publish_messages(messages, settings.kafka)]


class InstantProcessor:
    """A processor that needs no model and no store; remembers what it was given, in order."""

    def __init__(self, delay=0.0, failing=None):
        self.events = []
        self.delay = delay
        self.failing = failing or (lambda event, attempt: None)
        self.attempts = {}
        self.is_out = None
        self.at_once = 0
        self.most_at_once = 0
        self.given_up = []

    async def check_dependencies(self):
        if self.is_out is not None:
            raise self.is_out

    async def process(self, event):
        name = str(event.source)
        self.attempts[name] = self.attempts.get(name, 0) + 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.at_once -= 1
        if self.is_out is not None:
            raise self.is_out
        error = self.failing(event, self.attempts[name])
        if error is not None:
            raise error
        self.events.append(event)
        return processed_of(event)

    async def mark_outdated(self, event, reason):
        self.given_up.append((str(event.source), reason))
        return ()


def processed_of(event):
    name = event.source.unversioned
    common = {"software": "test", "model": "none", "model_digest": "none", "prompt_set": "none"}
    row = PhenotypeRow(
        finding=f"finding-{name}",
        document=name,
        revision=int(event.source.version or 0),
        status=RowStatus.CURRENT,
        resource="Observation/1",
        source=name,
        subject="Patient/p",
        kind=Kind.TUMOR_SIZE,
        value="25 mm",
        basis=Basis.STATED,
        run="run",
        asserted=datetime.now(UTC),
        **common,
    )
    outcome = OutcomeRow(
        document=name,
        revision=int(event.source.version or 0),
        status=OutcomeStatus.FOUND,
        source=name,
        source_version=event.source.version,
        findings=1,
        recorded=datetime.now(UTC),
        **common,
    )
    return Processed(outcome=outcome, rows=(row,), asked_model=True, wrote_store=True)


@contextlib.asynccontextmanager
async def running(settings, processor, **options):
    worker = Worker(settings, processor, **options)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await task


def read_all(settings, topic):
    """All records of a topic, over all partitions, in offset order within each."""
    return records_of(settings.kafka.bootstrap_servers, topic)


def committed(settings, topic=None):
    """How many records of a topic, or of the first input topic, the group has behind it."""
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        group_id=settings.kafka.group_id,
        enable_auto_commit=False,
    )
    topic = topic or settings.kafka.diagnostic_report_topic
    try:
        partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]
        return sum(consumer.committed(at) or 0 for at in partitions)
    finally:
        consumer.close(autocommit=False)
