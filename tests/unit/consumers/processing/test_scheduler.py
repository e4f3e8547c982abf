"""Order within a key, parallel work across keys, and what is dropped is dropped."""

import asyncio
from collections import defaultdict

import pytest

from oncofhir.consumers.kafka.records import AssignmentEpoch
from oncofhir.consumers.processing.scheduler import Job, KeyedScheduler
from oncofhir.consumers.source.priority import Priority
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio
OURS, THEIRS = AssignmentEpoch("topic", 0, 1), AssignmentEpoch("topic", 1, 2)


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Bench:
    """Runs jobs and notes what happened."""

    def __init__(self, limit=4):
        self.failures = []
        self.scheduler = KeyedScheduler(limit, self.failures.append)
        self.ended = []
        self.most = 0

    def submit(self, key, number, epoch=OURS, seconds=0.001, waits=0, priority=Priority.LIVE):
        left = [waits]

        async def work(slot):
            self.most = max(self.most, self.scheduler.running)
            await asyncio.sleep(seconds)
            if left[0]:
                left[0] -= 1
                return lambda: asyncio.sleep(0.03)
            self.ended.append((key, number))
            return None

        self.scheduler.submit(Job(key, epoch, work, priority))

    async def until(self, count):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.ended) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.001)


async def test_a_key_keeps_its_order_and_the_limit_holds():
    bench = Bench(limit=4)
    for number in range(10):
        for key in range(12):
            bench.submit(str(key), number)
    await bench.until(120)
    by_key = defaultdict(list)
    for key, number in bench.ended:
        by_key[key].append(number)
    assert all(numbers == list(range(10)) for numbers in by_key.values())
    assert bench.most == 4
    assert bench.scheduler.running == 0
    assert not bench.scheduler._queues


async def test_waiting_holds_up_only_its_own_key():
    bench = Bench(limit=1)
    bench.submit("slow", 1, waits=2)
    bench.submit("slow", 2)
    for number in range(5):
        bench.submit(f"k{number}", number)
    await bench.until(7)
    assert bench.ended[-2:] == [("slow", 1), ("slow", 2)]


async def test_a_job_that_waits_takes_no_slot():
    scheduler = KeyedScheduler(1, [].append)
    order = []
    other_ended = asyncio.Event()

    async def waits(slot):
        if not order:
            return other_ended.wait
        order.append("waited")
        return None

    async def other(slot):
        order.append("other")
        other_ended.set()

    scheduler.submit(Job("a", OURS, waits))
    scheduler.submit(Job("b", OURS, other))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(order) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert order == ["other", "waited"]


async def test_cancelling_an_epoch_leaves_the_rest_of_the_key():
    bench = Bench()
    bench.submit("key", 1, epoch=OURS, seconds=5)
    bench.submit("key", 2, epoch=OURS)
    bench.submit("key", 3, epoch=THEIRS)
    bench.submit("other", 4, epoch=THEIRS)
    bench.submit("other", 5, epoch=OURS)
    await asyncio.sleep(0)
    bench.scheduler.cancel({OURS})
    await bench.until(2)
    await asyncio.sleep(0.02)
    assert sorted(bench.ended) == [("key", 3), ("other", 4)]


async def test_draining_ends_what_has_begun_and_drops_the_rest():
    bench = Bench(limit=2)
    for number in range(6):
        bench.submit(f"k{number}", number, seconds=0.3)
    bench.submit("waits", 9, waits=1000)
    await asyncio.sleep(0.01)
    assert await bench.scheduler.drain(60)
    assert len(bench.ended) == 2
    bench.submit("late", 1)
    await asyncio.sleep(0.01)
    assert len(bench.ended) == 2


async def test_draining_gives_up_in_time():
    bench = Bench()
    bench.submit("endless", 1, seconds=100)
    await asyncio.sleep(0.01)
    assert not await bench.scheduler.drain(0.05)
    assert bench.ended == []


async def test_a_released_slot_goes_to_another_job_while_the_key_is_still_held():
    scheduler = KeyedScheduler(1, [].append)
    order = []
    other_began = asyncio.Event()

    async def first(slot):
        slot.release()
        slot.release()
        await other_began.wait()
        order.append("first")

    async def same_key(slot):
        order.append("same key")

    async def other(slot):
        order.append("other")
        other_began.set()

    for key, work in (("a", first), ("a", same_key), ("b", other)):
        scheduler.submit(Job(key, OURS, work))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(order) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert order == ["other", "first", "same key"]


async def test_a_job_that_raises_is_told():
    bench = Bench()

    async def broken(slot):
        raise ValueError("x")

    bench.scheduler.submit(Job("key", OURS, broken))
    await asyncio.sleep(0.01)
    assert [type(e) for e in bench.failures] == [ValueError]


async def test_live_jobs_get_slots_before_history_and_hurry_their_own_key_along():
    bench = Bench(limit=1)
    for number in range(20):
        bench.submit(f"h{number}", number, priority=Priority.BACKFILL)
    await asyncio.sleep(0)
    bench.submit("live", 100)
    bench.submit("h15", 101)
    await bench.until(22)
    ended = [number for _, number in bench.ended]
    assert ended[:4] in ([0, 100, 15, 101], [0, 15, 100, 101])
    assert ended[4:] == [n for n in range(1, 20) if n != 15]


async def test_a_slot_that_was_handed_to_a_cancelled_job_goes_to_the_next():
    bench = Bench(limit=1)
    bench.submit("first", 1, seconds=0.01)
    bench.submit("cancelled", 2, epoch=THEIRS, priority=Priority.BACKFILL)
    bench.submit("last", 3, priority=Priority.BACKFILL)
    await asyncio.sleep(0)
    bench.scheduler.cancel({THEIRS})
    await bench.until(2)


async def test_a_job_that_is_cancelled_before_it_began_releases_its_slot():
    bench = Bench(limit=1)
    bench.submit("cancelled", 1, epoch=THEIRS)
    bench.submit("next", 2)
    bench.scheduler.cancel({THEIRS})
    await bench.until(1)
    assert bench.ended == [("next", 2)]


async def test_a_job_that_raises_releases_its_slot_and_the_other_keys_go_on():
    bench = Bench(limit=1)

    async def broken(slot):
        raise ValueError("x")

    bench.scheduler.submit(Job("broken", OURS, broken))
    bench.submit("next", 2)
    await bench.until(1)
    assert bench.scheduler.running == 0


async def test_a_job_that_waits_to_be_tried_again_is_cancelled_with_its_epoch():
    bench = Bench(limit=1)
    bench.submit("waits", 1, epoch=THEIRS, waits=1000)
    bench.submit("waits", 2)
    await asyncio.sleep(0.01)
    bench.scheduler.cancel({THEIRS})
    await bench.until(1)
    assert bench.ended == [("waits", 2)]
