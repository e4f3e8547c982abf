"""A backfill that is killed again and again beside a worker with live traffic; used on any broker, of any size."""

import asyncio
import time
from dataclasses import dataclass

from oncofhir.consumers.kafka.publisher import Publisher
from tests.integration.consumers.worker_harness import (
    InstantProcessor,
    message,
    read_all,
    report,
    running,
)
from tests.integration.ingest.backfill_kills import (
    record_counter,
    repetitions,
    run_with_kills,
    write_files,
)


@dataclass(frozen=True)
class Measured:
    """What a run showed: kills, repeated records, the command's last summary, seconds of live reports."""

    kills: int
    repeated: int
    summary: dict
    live_seconds: list
    processed: int


class TimedProcessor(InstantProcessor):
    """Notes when a live report was processed."""

    def __init__(self, delay):
        super().__init__(delay)
        self.moments = {}

    async def process(self, event):
        processed = await super().process(event)
        self.moments[event.source.id] = time.monotonic()
        return processed


async def backfill_beside_live(settings, folder, *, count, kills, page_size, rate, delay=0.001):
    """Run it: `count` reports of history, killed `kills` times, and a live report every 50 ms meanwhile."""
    export = folder / "export"
    export.mkdir()
    lines = write_files(export, count)
    arguments = ["files", export, "--page-size", page_size, "--rate", rate]
    thresholds = [count * (n + 1) // (kills + 1) for n in range(kills)]
    processor = TimedProcessor(delay)
    published = {}
    async with running(settings, processor), Publisher(settings.kafka) as publisher:
        with record_counter(settings) as records:
            killing = asyncio.create_task(
                asyncio.to_thread(run_with_kills, arguments, settings, folder, thresholds, records)
            )
            while not killing.done():
                ident = f"live-{len(published)}"
                published[ident] = time.monotonic()
                await publisher.publish([message(settings, report(ident))])
                await asyncio.sleep(0.05)
            done, hit = await killing
        deadline = time.monotonic() + 120 + count / 50
        while len({event.source.id for event in processor.events}) < count + len(published):
            assert time.monotonic() < deadline, len(processor.events)
            await asyncio.sleep(0.1)
    assert done.returncode == 0, done.stderr
    found = [r for topic in settings.kafka.backfill_topics for r in read_all(settings, topic)]
    waits = [processor.moments[ident] - moment for ident, moment in published.items()]
    return Measured(hit, repetitions(found, lines), done.summary, waits, len(processor.events))
