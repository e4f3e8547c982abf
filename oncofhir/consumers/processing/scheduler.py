"""Work in order for each key, in parallel across keys, up to a limit; live work before history."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from oncofhir.consumers.kafka.records import Tenure
from oncofhir.consumers.processing.concurrency import Line, Place
from oncofhir.consumers.source.priority import Lane

Wait = Callable[[], Awaitable[None]]


Work = Callable[[Place], Awaitable[Wait | None]]


@dataclass(frozen=True, eq=False)
class Job:
    """One piece of work for a key.

    `work` ends with None when it is done, or with what to wait for before it is called again: while
    it waits it holds up its own key and takes none of the parallel places. It raises nothing. A live
    job gets a place before those of history, and hurries along what it waits for in its key.
    """

    key: str
    tenure: Tenure
    work: Work
    lane: Lane = Lane.LIVE


@dataclass(eq=False)
class _Queue:
    """The jobs of a key. It stands in line for a place, has one, or waits to try its job again."""

    key: str
    waiting: deque[Job]
    current: Job | None = None
    is_working: bool = False
    place: Place | None = field(default=None, repr=False)
    runner: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def is_urgent(self) -> bool:
        is_live = self.current is not None and self.current.lane is Lane.LIVE
        return is_live or any(job.lane is Lane.LIVE for job in self.waiting)


class KeyedScheduler:
    """Runs jobs of one key in the order of their submission; belongs to one event loop.

    A runner is a task that has a place: it goes from job to job as long as any waits, without a turn of
    the event loop in between. `failed` is told when a job raised after all, which is a fault of ours.
    """

    def __init__(self, limit: int, failed: Callable[[BaseException], None]) -> None:
        self._free = limit  # above 0 only while nobody is in line
        self._line: Line[_Queue] = Line()
        self._failed = failed
        self._queues: dict[str, _Queue] = {}
        self._runners: set[asyncio.Task[None]] = set()
        self._working = 0
        self._draining = False

    @property
    def working(self) -> int:
        """Jobs that are being worked on now, with a place or without."""
        return self._working

    def submit(self, job: Job) -> None:
        """Queue a job behind those of the same key; while draining it is dropped."""
        if self._draining:
            return
        queue = self._queues.get(job.key)
        if queue is None:
            self._open(job.key, deque([job]))
        else:
            queue.waiting.append(job)
            if job.lane is Lane.LIVE:
                self._line.hurry(queue)

    def cancel(self, tenures: Collection[Tenure]) -> None:
        """Drop the jobs of these tenures, also those that have begun."""
        for key, queue in list(self._queues.items()):
            kept = deque(job for job in queue.waiting if job.tenure not in tenures)
            if queue.current is not None and queue.current.tenure not in tenures:
                queue.waiting = kept
            elif queue.current is not None or len(kept) < len(queue.waiting):
                self._end(queue)
                if kept:
                    self._open(key, kept)

    async def drain(self, seconds: float) -> bool:
        """Let the work that has begun end, and drop the rest; False when time ran out before."""
        self._draining = True
        for queue in list(self._queues.values()):
            queue.waiting.clear()
            if not queue.is_working:
                self._end(queue)
        runners = {queue.runner for queue in self._queues.values() if queue.runner is not None}
        pending = (await asyncio.wait(runners, timeout=seconds))[1] if runners else set()
        await self.close()
        return not pending

    async def close(self) -> None:
        """Cancel everything and wait until it has ended."""
        self._draining = True
        for queue in list(self._queues.values()):
            self._end(queue)
        if self._runners:
            await asyncio.wait(set(self._runners))

    def _open(self, key: str, jobs: deque[Job]) -> None:
        queue = _Queue(key, jobs)
        self._queues[key] = queue
        self._line_up(queue)

    def _end(self, queue: _Queue) -> None:
        del self._queues[queue.key]
        self._line.leave(queue)
        if queue.runner is not None:
            queue.runner.cancel()
            if queue.place is not None and not queue.is_working:
                queue.place.give_back()  # a runner that has not begun will never get to it

    def _line_up(self, queue: _Queue) -> None:
        if self._free:
            self._free -= 1
            self._begin(queue)
        else:
            self._line.join(queue, is_urgent=queue.is_urgent)

    def _vacated(self) -> None:
        queue = self._next()
        if queue is not None:
            self._begin(queue)

    def _next(self) -> _Queue | None:
        """Who gets a place that is left; the place is free when it is nobody."""
        queue = None if self._draining else self._line.next()
        if queue is None:
            self._free += 1
        return queue

    def _begin(self, queue: _Queue) -> None:
        queue.place = Place(self._vacated)
        queue.runner = asyncio.create_task(self._run(queue))
        self._runners.add(queue.runner)
        queue.runner.add_done_callback(self._runners.discard)

    async def _run(self, queue: _Queue) -> None:
        runner = queue.runner
        place = queue.place or Place(self._vacated)
        try:
            while (then := await self._work(queue, place)) is not None:
                queue = then
                queue.runner = runner
                queue.place = place = Place(self._vacated)
        except Exception as error:  # noqa: BLE001 - a job raised, which it never should: the worker stops
            if self._queues.get(queue.key) is queue:
                del self._queues[queue.key]
            self._failed(error)
        finally:
            place.give_back()

    async def _work(self, queue: _Queue, place: Place) -> _Queue | None:
        """Work at one job; who has the place next, None when it is not ours to pass on."""
        queue.current = queue.current or queue.waiting.popleft()
        queue.is_working = True
        self._working += 1
        try:
            wait = await queue.current.work(place)
        finally:
            queue.is_working = False
            self._working -= 1
        if wait is not None and not self._draining:
            place.give_back()
            await wait()
            queue.runner = None
            self._line_up(queue)
            return None
        return self._after(queue, place)

    def _after(self, queue: _Queue, place: Place) -> _Queue | None:
        queue.current = queue.runner = None
        has_place = place.pass_on()
        if self._queues.get(queue.key) is queue:
            if not queue.waiting:
                del self._queues[queue.key]
            elif has_place:
                self._line.join(queue, is_urgent=queue.is_urgent)
            else:
                self._line_up(queue)
        return self._next() if has_place else None
