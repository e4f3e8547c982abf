"""Runs `oncofhir backfill` as a process, kills it again and again, and counts what lies on the topics."""

import contextlib
import json
import signal
import time
from collections import Counter
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition

from tests.builders import CANARY, diagnostic_report, document_reference
from tests.command import start_process

_START_SECONDS = 60.0
ENVIRONMENT_NAMES = (
    "bootstrap_servers",
    "diagnostic_report_topic",
    "document_reference_topic",
    "diagnostic_report_backfill_topic",
    "document_reference_backfill_topic",
    "phenotype_topic",
    "outcome_topic",
    "dead_letter_topic",
)


def environment_of(settings):
    """The environment in which a command has these Kafka settings."""
    return {
        f"ONCOFHIR_KAFKA__{name.upper()}": value
        for name in ENVIRONMENT_NAMES
        if (value := getattr(settings.kafka, name)) is not None
    }


def resource(number):
    """A report of history; every third one is a DocumentReference."""
    text, meta = f"{CANARY}: no malignancy {number}", {"versionId": "1"}
    if number % 3 == 0:
        return document_reference(f"old-{number}", {"title": "report"}, meta=meta, description=text)
    return diagnostic_report(f"old-{number}", meta=meta, conclusion=text, code={"text": "report"})


def write_files(folder, count, files=4):
    """Write reports to NDJSON files, as an export does: by type would be the same. Return their lines."""
    lines = [json.dumps(resource(number)).encode() for number in range(count)]
    share = -(-count // files)
    for number in range(files):
        some = lines[number * share : (number + 1) * share]
        (folder / f"part-{number}.ndjson").write_bytes(b"\n".join(some) + b"\n")
    return lines


@dataclass
class Run:
    """A finished run: its exit status, its summary if it has one, and what it wrote to stderr."""

    returncode: int
    summary: dict | None
    stderr: str


def start(arguments, settings, folder):
    """Start the command in a folder; its output goes to files there."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        return start_process(
            *("backfill", *arguments),
            environment=environment_of(settings),
            cwd=folder,
            stdout=out,
            stderr=err,
        )


def ended(process, folder):
    """Wait for its end."""
    returncode = process.wait(600)
    out, err = (folder / "out").read_text(), (folder / "err").read_text()
    assert CANARY not in out + err
    assert "Traceback" not in err, err
    return Run(returncode, json.loads(out) if out.strip() else None, err)


def run(arguments, settings, folder):
    """Run the command to its end."""
    return ended(start(arguments, settings, folder), folder)


@contextlib.contextmanager
def record_counter(settings):
    """A function that counts the records of the backfill topics, by a consumer of its own."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap_servers)
    try:
        partitions = [
            TopicPartition(topic, number)
            for topic in settings.kafka.backfill_topics
            for number in consumer.partitions_for_topic(topic)
        ]
        yield lambda: sum(consumer.end_offsets(partitions).values())
    finally:
        consumer.close()


def run_with_kills(arguments, settings, folder, thresholds, published):
    """Kill the command each time as many records as a threshold says are on the topics; then let it end.

    `published` counts them, by another client than the command's. Return the last run and how many kills hit.
    """
    kills = 0
    for threshold in thresholds:
        process = start(arguments, settings, folder)
        deadline = time.monotonic() + _START_SECONDS + threshold / 50
        while process.poll() is None and published() < threshold:
            assert time.monotonic() < deadline, (folder / "err").read_text()
            time.sleep(0.05)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    return run(arguments, settings, folder), kills


def repetitions(records, lines):
    """Check that the records are exactly the lines, with their keys; return how many came more than once."""
    expected = {
        (f"{r['resourceType']}/{r['id']}".encode(), line): 0
        for line in lines
        if (r := json.loads(line))
    }
    found = Counter((record.key, record.value) for record in records)
    assert set(found) == set(expected)
    return sum(found.values()) - len(expected)
