"""Whatever is submitted, waits, gives its slot back early or is cancelled: order, limit, and no slot is lost."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from hypothesis import example, given, settings
from hypothesis import strategies as st

from oncofhir.consumers.kafka.records import AssignmentEpoch
from oncofhir.consumers.processing.scheduler import Job, KeyedScheduler
from oncofhir.consumers.source.priority import Priority

LIMIT = 2
MOST_TURNS = 1_000
TENURES = [AssignmentEpoch("topic", number, number) for number in range(3)]


@dataclass(frozen=True)
class Planned:
    key: str
    epoch: AssignmentEpoch
    priority: Priority
    turns: int
    tries: int
    gives_back: bool


jobs = st.builds(
    Planned,
    st.sampled_from("abcd"),
    st.sampled_from(TENURES),
    st.sampled_from(Priority),
    st.integers(0, 3),
    st.integers(1, 3),
    st.booleans(),
)
steps = st.lists(
    jobs | st.integers(0, 4) | st.sampled_from([frozenset({t}) for t in TENURES]), max_size=30
)


class Run:
    """Carries a plan out and notes what it saw."""

    def __init__(self):
        self.failures = []
        self.scheduler = KeyedScheduler(LIMIT, self.failures.append)
        self.at_work = defaultdict(int)
        self.holding_a_slot = 0
        self.ended = []
        self.cancelled = set()

    def job(self, number, planned):
        tries = [planned.tries]

        async def work(slot):
            self.at_work[planned.key] += 1
            self.holding_a_slot += 1
            held = 1
            assert self.at_work[planned.key] == 1, "two jobs of a key at a time"
            assert self.holding_a_slot <= LIMIT, "more than the limit"
            try:
                for turn in range(planned.turns):
                    if planned.gives_back and turn == 1:
                        self.holding_a_slot -= held
                        held = 0
                        slot.release()
                    await asyncio.sleep(0)
                tries[0] -= 1
                if tries[0]:
                    return lambda: asyncio.sleep(0)
                self.ended.append(number)
                return None
            finally:
                self.holding_a_slot -= held
                self.at_work[planned.key] -= 1

        return Job(planned.key, planned.epoch, work, planned.priority)


async def carried_out(plan):
    run = Run()
    submitted = {}
    for number, step in enumerate(plan):
        if isinstance(step, Planned):
            submitted[number] = step
            run.scheduler.submit(run.job(number, step))
        elif isinstance(step, int):
            for _ in range(step):
                await asyncio.sleep(0)
        else:
            run.cancelled |= {n for n, job in submitted.items() if job.epoch in step}
            run.scheduler.cancel(step)
            await asyncio.sleep(0)  # what was cancelled unwinds
            await asyncio.sleep(0)
    for _ in range(MOST_TURNS):
        if not run.scheduler._queues:
            break
        await asyncio.sleep(0)
    return run, submitted


async def drained(plan, turns):
    run = Run()
    for number, step in enumerate(plan):
        if isinstance(step, Planned):
            run.scheduler.submit(run.job(number, step))
        elif isinstance(step, int):
            for _ in range(step):
                await asyncio.sleep(0)
        else:
            run.scheduler.cancel(step)
    draining = asyncio.create_task(run.scheduler.drain(5))
    for _ in range(turns):
        await asyncio.sleep(0)
    run.scheduler.cancel(TENURES[:1])  # a rebalance comes at any time
    run.scheduler.submit(run.job(len(plan), Planned("a", TENURES[1], Priority.LIVE, 0, 1, False)))
    assert await draining
    return run


@settings(max_examples=300, deadline=None)
@given(steps, st.integers(1, 4))
def test_draining_ends_what_is_at_work_begins_nothing_and_loses_no_slot(plan, turns):
    run = asyncio.run(drained(plan, turns))
    assert not run.failures
    assert len(plan) not in run.ended, "begun while draining"
    assert not run.scheduler._queues
    assert not run.scheduler._runners
    assert not any(run.at_work.values())
    assert run.scheduler.running == 0
    assert run.scheduler._free_slots == LIMIT, "a slot was lost"


@settings(max_examples=300, deadline=None)
@given(steps)
@example(
    # The last job's key belongs to a job that is cancelled at work and has not left it yet.
    [
        Planned("b", TENURES[2], Priority.LIVE, 2, 2, False),
        frozenset({TENURES[0]}),
        Planned("a", TENURES[1], Priority.LIVE, 1, 2, False),
        2,
        frozenset({TENURES[0]}),
        Planned("a", TENURES[0], Priority.LIVE, 0, 1, False),
        frozenset({TENURES[1]}),
    ]
)
def test_every_job_that_is_not_cancelled_ends_once_in_the_order_of_its_key(plan):
    run, submitted = asyncio.run(carried_out(plan))
    assert not run.failures
    assert set(submitted) - run.cancelled <= set(run.ended)
    assert len(run.ended) == len(set(run.ended))
    for key in "abcd":
        of_key = [number for number in run.ended if submitted[number].key == key]
        assert of_key == sorted(of_key)
    assert run.scheduler.running == 0
    assert run.scheduler._free_slots == LIMIT, "a slot was lost"
