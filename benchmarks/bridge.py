"""The bridge under 500 notifications a second and two outages of the broker: `python -m benchmarks.bridge`.

Starts an Apache Kafka and an `oncofhir bridge` of its own. Prints one JSON object: what was sent and
answered, how long answers took with the broker up, and how many answers of 2xx an independent client did
not find on the topic (goal: 0). Options: --rate N, --seconds N (of each of five phases).
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.process import Process, free_port, responds
from oncofhir.settings import KafkaSettings
from tests.apache_kafka.broker import ApacheKafka
from tests.bridge.load import Load, on_the_topic, send

SECRET = "secret-of-the-benchmark"


def bridge(kafka: ApacheKafka, folder: Path) -> tuple[Process, str]:
    """Return the bridge as a process, and the URL to notify."""
    secret = folder / "secret.txt"
    secret.write_text(SECRET)
    port, http_port = free_port(), free_port()
    process = Process(
        "bridge",
        [sys.executable, "-m", "oncofhir", "bridge"],
        environment={
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": kafka.address,
            "ONCOFHIR_BRIDGE__HOST": "127.0.0.1",
            "ONCOFHIR_BRIDGE__PORT": str(port),
            "ONCOFHIR_BRIDGE__SECRET_FILE": str(secret),
            "ONCOFHIR_BRIDGE__CATCH_UP": "false",
            "ONCOFHIR_HTTP__HOST": "127.0.0.1",
            "ONCOFHIR_HTTP__PORT": str(http_port),
        },
        ready=lambda: responds(f"http://127.0.0.1:{http_port}/ready"),
    )
    return process, f"http://127.0.0.1:{port}/subscriptions/oncofhir-reports"


async def run(
    kafka: ApacheKafka, url: str, rate: float, phase: float
) -> tuple[Load, list[tuple[float, float]]]:
    """Send through five phases: up, stopped, up, killed, up. Return also when the broker was up."""
    stop = asyncio.Event()
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/fhir+json"}
    sending = asyncio.create_task(send(url, headers, rate, stop))
    up = [(time.monotonic(), 0.0)]
    for end in (kafka.stop, kafka.kill):
        await asyncio.sleep(phase)
        up[-1] = (up[-1][0], time.monotonic())
        await asyncio.to_thread(end)
        await asyncio.sleep(phase)
        await asyncio.to_thread(kafka.start)
        up.append((time.monotonic(), 0.0))
    await asyncio.sleep(phase)
    up[-1] = (up[-1][0], time.monotonic())
    stop.set()
    return await sending, up


def main() -> None:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    with ApacheKafka() as kafka, tempfile.TemporaryDirectory() as folder:
        settings = KafkaSettings(bootstrap_servers=kafka.address)
        ensure_topics(settings, partitions=4)
        process, url = bridge(kafka, Path(folder))
        began = time.monotonic()
        with process:
            load, up = asyncio.run(run(kafka, url, given.rate, given.seconds))
        seconds = time.monotonic() - began
        found = on_the_topic(kafka.address, settings.diagnostic_report_topic)
    first = sorted(s for at, s in load.seconds if up[0][0] + 1 <= at < up[0][1] - 1)
    after = [
        min((at for at, _ in load.seconds if at > start), default=0.0) - start
        for start, _ in up[1:]
    ]
    print(
        json.dumps(
            {
                "name": "bridge",
                "goal": 0,
                "lost": len(load.accepted - set(found)),
                "rate": round(load.sent / seconds, 1),
                "sent": load.sent,
                "answers": dict(load.answers),
                "on_the_topic": len(found),
                "repeated": found.total() - len(found),
                "p50_ms": round(1000 * statistics.median(first), 1),
                "p99_ms": round(1000 * first[int(len(first) * 0.99)], 1),
                "first_200_after_broker_s": [round(s, 1) for s in after],
            }
        )
    )


if __name__ == "__main__":
    main()
