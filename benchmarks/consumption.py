"""How fast records come through the runtime, against loops without it: `python -m benchmarks.consumption`.

Starts an Apache Kafka of its own. Prints one JSON object a line: `name`, `ratio` and `goal` where there is
one, and what was measured. Options: --records N, --worked N, --backlog N (0 leaves the last one out).
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from benchmarks.plain_loops import (
    plain_confluent,
    plain_kafka_python,
    poll_thread_and_tasks,
)
from oncofhir.consumers.kafka.records import AssignmentEpoch, SourceRecord
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.consumers.processing.concurrency import Slot
from oncofhir.consumers.processing.scheduler import Job, KeyedScheduler
from oncofhir.consumers.source.poll_thread import PollThread
from oncofhir.consumers.worker import Worker
from oncofhir.settings import Settings
from tests.apache_kafka.broker import ApacheKafka
from tests.integration.consumers.worker_harness import InstantProcessor, report, settings_for

PARTITIONS = 4
RECORD_BYTES = 2_000
WORK_SECONDS = 0.05
BACKLOG_BYTES = 200_000
MEMORY_GOAL_MB = 500


def fill(settings: Settings, count: int, size: int) -> None:
    """Publish reports of this size, each of a document of its own."""
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap_servers, "linger.ms": 20})
    for number in range(count):
        value = json.dumps(report(f"r{number}", text={"div": "x" * size})).encode()
        key = f"DiagnosticReport/r{number}".encode()
        while True:
            try:
                producer.produce(settings.kafka.diagnostic_report_topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    producer.flush()


async def runtime(settings: Settings, total: int, seconds: float) -> tuple[float, float]:
    """Source, tracker, scheduler and commits, with work of so many seconds: records a second, lag."""
    finished, started = 0, 0.0
    all_done = asyncio.Event()

    def received(records: Sequence[SourceRecord]) -> None:
        nonlocal started
        started = started or time.perf_counter()
        for record in records:
            scheduler.submit(Job((record.key or b"").decode(), record.tenure, work_of(record)))

    def work_of(record: SourceRecord) -> Callable[[Slot], Any]:
        async def work(_: Slot) -> None:
            nonlocal finished
            if seconds:
                await asyncio.sleep(seconds)
            source.finish(record)
            finished += 1
            if finished == total:
                all_done.set()

        return work

    def dropped(tenures: frozenset[AssignmentEpoch]) -> None:
        scheduler.cancel(tenures)

    def ended(cause: BaseException | None) -> None:
        if cause is not None:
            raise cause

    scheduler = KeyedScheduler(settings.kafka.max_in_flight_records, ended)
    source = PollThread(
        settings.kafka,
        asyncio.get_running_loop(),
        on_records=received,
        on_partitions_dropped=dropped,
        on_records_missed=lambda _, __: None,
        on_stopped=ended,
    )
    source.start()
    await asyncio.wait_for(all_done.wait(), 300)
    took = time.perf_counter() - started
    await source.close()
    return total / took, sum(source.lag().values())


async def whole_worker(settings: Settings, total: int, seconds: float) -> float:
    """The worker with decoding and rows, instant or slow in the middle: records a second."""
    processor = InstantProcessor(seconds)
    worker = Worker(settings, processor)
    task = asyncio.create_task(worker.run())
    while not processor.attempts:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    started = time.perf_counter()
    while len(processor.events) < total:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    rate = len(processor.events) / (time.perf_counter() - started)
    worker.stop()
    await task
    return rate


async def asyncio_alone(total: int, seconds: float, in_flight: int) -> float:
    """What the machine's timers allow: so many coroutines that do nothing but wait: waits a second."""
    waits = iter(range(total))

    async def wait_in_turn() -> None:
        for _ in waits:
            await asyncio.sleep(seconds)

    started = time.perf_counter()
    await asyncio.gather(*(wait_in_turn() for _ in range(in_flight)))
    return total / (time.perf_counter() - started)


def fresh(settings: Settings) -> Settings:
    """The same topics for a new group."""
    group = {"group_id": f"{settings.kafka.group_id}-{time.time_ns()}"}
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update=group)})


def made(broker: ApacheKafka, count: int, size: int) -> Settings:
    settings = settings_for(broker.address)
    ensure_topics(settings.kafka, partitions=PARTITIONS)
    fill(settings, count, size)
    return settings


def say(
    name: str, *, ratio: float | None = None, goal: float | None = None, **measured: Any
) -> None:
    judged = {} if ratio is None else {"ratio": round(ratio, 3), "goal": goal}
    print(json.dumps({"name": name} | judged | measured), flush=True)


def instant(broker: ApacheKafka, count: int) -> None:
    """Bare and runtime in turn, thrice, and the median of each: one scheduler's mood is not judged."""
    settings = made(broker, count, RECORD_BYTES)
    bare_runs, runtime_runs = [], []
    for _ in range(3):
        bare_runs.append(timed(lambda: asyncio.run(poll_thread_and_tasks(settings, count))))
        runtime_runs.append(timed(lambda: asyncio.run(runtime(fresh(settings), count, 0.0))[0]))
    (bare_rate, bare_cpu), (rate, cpu) = (
        tuple(statistics.median(column) for column in zip(*runs, strict=True))
        for runs in (bare_runs, runtime_runs)
    )
    rates = {
        "kafka_python": plain_kafka_python(settings, count),
        "confluent_kafka": plain_confluent(settings, count),
        "bare": bare_rate,
        "runtime": rate,
        "worker_with_rows": asyncio.run(whole_worker(fresh(settings), count // 10, 0.0)),
    }
    said = {f"{name}_per_second": round(rate) for name, rate in rates.items()}
    say(
        "consumption-instant",
        ratio=rate / bare_rate,
        goal=0.7,
        cpu_ratio=round(bare_cpu / cpu, 3),
        records=count,
        bytes=RECORD_BYTES,
        **said,
    )


def timed(run: Callable[[], float]) -> tuple[float, float]:
    """A rate, and the seconds of CPU that it took."""
    began = time.process_time()
    rate = run()
    return rate, time.process_time() - began


def worked(broker: ApacheKafka, count: int) -> None:
    """Sleeping alone and the runtime in turn, thrice, and the median of each."""
    settings = made(broker, count, RECORD_BYTES)
    in_flight = settings.kafka.max_in_flight_records
    ideal = in_flight / WORK_SECONDS
    alone_runs, runtime_runs = [], []
    for _ in range(3):
        alone_runs.append(asyncio.run(asyncio_alone(count, WORK_SECONDS, in_flight)))
        runtime_runs.append(asyncio.run(runtime(fresh(settings), count, WORK_SECONDS)))
    rate = statistics.median(rate for rate, _ in runtime_runs)
    with_rows = asyncio.run(whole_worker(fresh(settings), count // 2, WORK_SECONDS))
    say(
        "consumption-50-ms",
        ratio=rate / ideal,
        goal=0.95,
        records=count,
        per_second=round(rate),
        ideal_per_second=round(ideal),
        asyncio_alone_ratio=round(statistics.median(alone_runs) / ideal, 3),
        worker_with_rows_ratio=round(with_rows / ideal, 3),
        lag=max(lag for _, lag in runtime_runs),
    )


_RSS_SCRIPT = (
    "import benchmarks.consumption as c, sys; c.hold_backlog(sys.argv[1], int(sys.argv[2]))"
)


def hold_backlog(settings_json: str, count: int) -> None:
    """In a process of its own: consume a backlog and print the peak of resident memory, in MB."""
    settings = Settings.model_validate_json(settings_json)
    peak = 0.0
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.05):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            peak = max(peak, pages * os.sysconf("SC_PAGE_SIZE") / 2**20)

    watcher = threading.Thread(target=watch)
    watcher.start()
    rate, _ = asyncio.run(runtime(settings, count, WORK_SECONDS))
    over.set()
    watcher.join()
    print(json.dumps({"peak_mb": round(peak), "per_second": round(rate)}))


def backlog(broker: ApacheKafka, count: int) -> None:
    settings = made(broker, count, BACKLOG_BYTES)
    done = subprocess.run(
        [sys.executable, "-c", _RSS_SCRIPT, settings.model_dump_json(), str(count)],
        check=True,
        capture_output=True,
        text=True,
    )
    measured = json.loads(done.stdout.splitlines()[-1])
    ratio = measured["peak_mb"] / MEMORY_GOAL_MB
    say(
        "consumption-backlog",
        ratio=ratio,
        goal=1.0,
        lower_is_better=True,
        records=count,
        bytes=BACKLOG_BYTES,
        **measured,
    )


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends with us
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--worked", type=int, default=10_000)
    parser.add_argument("--backlog", type=int, default=20_000)
    arguments = parser.parse_args()
    with ApacheKafka() as broker:
        if arguments.records:
            instant(broker, arguments.records)
        if arguments.worked:
            worked(broker, arguments.worked)
        if arguments.backlog:
            backlog(broker, arguments.backlog)


if __name__ == "__main__":
    main()
