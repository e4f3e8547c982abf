"""The limit finds what a server bears: against a model of a batching server, in virtual time."""

import asyncio
import heapq

import pytest

from oncofhir.inference.clients.client import Completion
from oncofhir.inference.clients.concurrency_limit import AdaptiveLimit
from oncofhir.inference.clients.limit_search import FIRST, HOLD_SECONDS, LONGEST_HOLD_SECONDS


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class BatchServer:
    """Takes `batch` requests at a time for `seconds` each; others queue, up to `queue`, else 429."""

    def __init__(self, batch, queue, seconds=1.0):
        self.batch, self.queue, self.seconds = batch, queue, seconds
        self.free_at = [0.0] * batch
        self.open = []

    def send(self, now):
        """When the answer comes, and how long it queued; None when refused."""
        self.open = [end for end in self.open if end > now]
        if len(self.open) >= self.batch + self.queue:
            return None
        begins = max(now, heapq.heappop(self.free_at))
        heapq.heappush(self.free_at, begins + self.seconds)
        self.open.append(begins + self.seconds)
        return begins + self.seconds, begins - now


def saturate(limit, server, clock, seconds, *, tells_queue=True):
    """Keep the server as busy as the limit allows; the answers and refusals of those seconds."""
    answers, refusals = 0, 0
    until = clock.now + seconds
    events = []  # (time, number, permit, queued or None)

    async def run():
        nonlocal answers, refusals
        holders = {}
        number = 0

        async def take():
            nonlocal number, refusals
            while limit.in_flight < limit.limit:
                held = limit.permit()
                permit = await held.__aenter__()
                outcome = server.send(clock.now)
                number += 1
                if outcome is None:
                    refusals += 1
                    limit.refused(permit)
                    heapq.heappush(events, (clock.now + 0.05, number, None))
                else:
                    heapq.heappush(events, (outcome[0], number, (permit, outcome[1])))
                holders[number] = held

        await take()
        while events and events[0][0] < until:
            clock.now, which, told = heapq.heappop(events)
            if told is not None:
                answers += 1
                limit.answered(
                    told[0],
                    Completion(
                        text="",
                        finish_reason="stop",
                        queue_seconds=told[1] if tells_queue else None,
                    ),
                )
            await holders.pop(which).__aexit__(None, None, None)
            await take()
        for held in holders.values():
            await held.__aexit__(None, None, None)

    asyncio.run(run())
    clock.now = until + server.seconds  # what was in flight has ended
    return answers, refusals


@pytest.mark.parametrize("tells_queue", [True, False])
@pytest.mark.parametrize(("batch", "queue"), [(16, 200), (16, 8), (32, 0), (4, 124), (1, 1)])
def test_a_server_is_filled_and_hardly_ever_refuses(batch, queue, tells_queue):
    clock = Clock()
    limit = AdaptiveLimit(128, clock=clock)
    server = BatchServer(batch, queue, seconds=0.3)
    saturate(limit, server, clock, 60, tells_queue=tells_queue)
    answers, refusals = saturate(limit, server, clock, 200, tells_queue=tells_queue)
    assert answers >= 0.93 * 200 * batch / 0.3
    assert refusals <= 0.01 * answers
    assert limit.limit <= 2 * batch + 1


def test_the_bound_holds():
    clock = Clock()
    limit = AdaptiveLimit(12, clock=clock)
    seen = []
    for _ in range(4):  # at times the level below is measured
        saturate(limit, BatchServer(64, 64), clock, 40)
        seen.append(limit.limit)
    assert max(seen) == 12


def test_a_refused_limit_is_tried_again_after_a_while():
    clock = Clock()
    limit = AdaptiveLimit(64, clock=clock)
    saturate(limit, BatchServer(8, 0), clock, 3 * HOLD_SECONDS)
    assert limit.limit <= 8
    saturate(limit, BatchServer(40, 0), clock, 4 * LONGEST_HOLD_SECONDS)
    assert limit.limit >= 24


def test_a_server_that_answers_too_late_gets_less():
    async def go():
        limit = AdaptiveLimit(64)
        async with limit.permit() as permit:
            limit.timed_out(permit)
            return limit.limit

    assert asyncio.run(go()) == FIRST // 2


def test_a_limit_that_is_not_reached_is_not_changed():
    clock = Clock()
    limit = AdaptiveLimit(64, clock=clock)
    answer = Completion(text="", finish_reason="stop")

    async def one_at_a_time():
        for _ in range(500):
            async with limit.permit() as permit:
                clock.now += 1
                limit.answered(permit, answer)

    asyncio.run(one_at_a_time())
    assert limit.limit == FIRST


def test_a_cancelled_wait_leaves_its_place_to_the_next():
    async def go():
        limit = AdaptiveLimit(1)
        order = []

        async def hold(name, gate):
            async with limit.permit():
                order.append(name)
                await gate.wait()

        gate = asyncio.Event()
        first = asyncio.create_task(hold("first", gate))
        await asyncio.sleep(0)
        second = asyncio.create_task(hold("second", gate))
        third = asyncio.create_task(hold("third", gate))
        await asyncio.sleep(0)
        second.cancel()
        gate.set()
        await asyncio.gather(first, third)
        assert limit.load == 0
        return order

    assert asyncio.run(go()) == ["first", "third"]


def test_cancelled_in_the_moment_of_its_turn():
    async def go():
        limit = AdaptiveLimit(1)
        gate = asyncio.Event()

        async def hold():
            async with limit.permit():
                await gate.wait()

        first = asyncio.create_task(hold())
        await asyncio.sleep(0)
        second = asyncio.create_task(hold())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)  # the turn is given to the second, which is cancelled before it runs
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        assert limit.load == 0
        gate.set()
        await asyncio.wait_for(hold(), 1)

    asyncio.run(go())


def test_waiting_requests_that_are_cancelled_together_end_as_cancelled():
    """As when a worker stops, or when one question of a report fails and the others are taken back."""

    async def run():
        limit = AdaptiveLimit(1)

        async def request():
            async with limit.permit():
                await asyncio.sleep(60)

        tasks = [asyncio.create_task(request()) for _ in range(5)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(each) for each in ended} == {asyncio.CancelledError}
        assert limit.load == 0

    asyncio.run(run())
