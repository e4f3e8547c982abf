"""How fast and how safely rows land: `python -m benchmarks.sink [--rows 50000]`.

Starts an Apache Kafka of its own. Prints two JSON objects: rows a second of `oncofhir sink` against a bare
loop of confluent-kafka that parses JSON and appends to DuckDB, and what the table holds after the sink was
killed ten times while the rows flow.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import duckdb
import pyarrow as pa
from confluent_kafka import Consumer, Producer, TopicPartition

from oncofhir.consumers.kafka.assigned_reader import assigned_reader
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.settings import KafkaSettings
from oncofhir.warehouse.landing.duckdb_landing import DuckDbLanding
from oncofhir.warehouse.landing.sink import Sink
from oncofhir.warehouse.landing.tables import landed_tables
from tests.apache_kafka.broker import ApacheKafka
from tests.unit.warehouse.landing.rows import row

KEYS = 5_000
PARTITIONS = 4
KILLS = 10
GOAL = 0.5


def publish(settings: KafkaSettings, count: int, pause: float = 0.0) -> dict[str, int]:
    """Publish rows of KEYS findings, mostly in growing revisions; return the highest revision of each."""
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers, "linger.ms": 20})
    chance = random.Random(1)
    highest: dict[str, int] = {}
    for number in range(count):
        finding = f"f{chance.randrange(KEYS)}"
        revision = max(1, number // KEYS + chance.choice((-1, 0, 1)))
        highest[finding] = max(revision, highest.get(finding, 0))
        value = (
            row(finding=finding, revision=revision, value=str(number)).model_dump_json().encode()
        )
        while True:
            try:
                producer.produce(settings.phenotype_topic, value, finding.encode())
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
        if pause and number % 500 == 0:
            time.sleep(pause)
    producer.flush()
    return highest


def bare(settings: KafkaSettings, count: int, path: Path) -> float:
    """Append every record to a table: no keys, no revisions, no offsets."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "group.id": "bare",
            "enable.auto.commit": False,
        }
    )
    topic = settings.phenotype_topic
    consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
    connection = duckdb.connect(str(path))
    seen, created = 0, False
    began = time.perf_counter()
    while seen < count:
        records = consumer.consume(10_000, 1.0)
        if not records:
            continue
        seen += len(records)
        table = pa.Table.from_pylist([json.loads(r.value()) for r in records])
        connection.register("batch", table)
        connection.execute(
            "INSERT INTO rows BY NAME SELECT * FROM batch"
            if created
            else "CREATE TABLE rows AS SELECT * FROM batch"
        ).fetchall()
        created = True
    seconds = time.perf_counter() - began
    consumer.close()
    connection.close()
    return count / seconds


def sink(settings: KafkaSettings, count: int, path: Path) -> float:
    """Land with keys, revisions, rejections and offsets."""
    tables = landed_tables(settings)
    with assigned_reader(settings, "benchmark") as reader:
        landing = DuckDbLanding.open(path, tables)
        running = Sink(reader, landing, tables)
        began = time.perf_counter()
        running.run(threading.Event(), once=True)
        seconds = time.perf_counter() - began
        landing.close()
    assert running.progress.merged["phenotypes"].records == count
    return count / seconds


def killed(settings: KafkaSettings, count: int, path: Path) -> dict[str, object]:
    """Kill the sink as a process ten times while rows flow, then let it catch up."""
    published: dict[str, int] = {}
    publisher = threading.Thread(target=lambda: published.update(publish(settings, count, 0.15)))
    publisher.start()
    environment = os.environ | {
        "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "ONCOFHIR_KAFKA__PHENOTYPE_TOPIC": settings.phenotype_topic,
        "ONCOFHIR_KAFKA__OUTCOME_TOPIC": settings.outcome_topic,
    }
    command = [sys.executable, "-m", "oncofhir", "sink", "--batch-records", "1000"]
    chance = random.Random(2)
    for _ in range(KILLS):
        process = subprocess.Popen([*command, "--duckdb", str(path)], env=environment)
        time.sleep(chance.uniform(1.5, 4.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    publisher.join()
    last = [*command, "--once", "--duckdb", str(path)]
    subprocess.run(last, env=environment, check=True, stdout=subprocess.DEVNULL)
    with duckdb.connect(str(path), read_only=True) as connection:
        found = dict(connection.execute("SELECT finding, revision FROM phenotypes").fetchall())
    wrong = sum(found.get(finding) != revision for finding, revision in published.items())
    return {"rows": count, "kills": KILLS, "keys": len(found), "wrong": wrong}


def main() -> None:
    """Run both measurements."""
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=50_000)
    count = options.parse_args().rows
    with ApacheKafka() as kafka, tempfile.TemporaryDirectory() as folder:
        settings = KafkaSettings(bootstrap_servers=kafka.address)
        ensure_topics(settings, partitions=PARTITIONS)
        publish(settings, count)
        rates = [
            (
                bare(settings, count, Path(folder, f"bare{n}")),
                sink(settings, count, Path(folder, f"sink{n}")),
            )
            for n in range(3)
        ]
        ratio = sorted(s / b for b, s in rates)[1]
        line = {
            "name": "sink-rows-a-second",
            "ratio": round(ratio, 2),
            "goal": GOAL,
            "met": ratio >= GOAL,
        }
        print(json.dumps(line | {"pairs": [[round(b), round(s)] for b, s in rates]}))
        settings = settings.model_copy(
            update={"phenotype_topic": "k.phenotypes", "outcome_topic": "k.outcomes"}
        )
        ensure_topics(settings, partitions=PARTITIONS)
        result = killed(settings, count, Path(folder, "killed"))
        print(json.dumps({"name": "sink-killed", **result, "goal": 0, "met": result["wrong"] == 0}))


if __name__ == "__main__":
    main()
