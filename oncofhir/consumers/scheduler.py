"""Work in order for each key, in parallel across keys, up to a limit; live work before history."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from oncofhir.consumers.lanes import Lane
from oncofhir.consumers.places import Place, Places
from oncofhir.consumers.records import Tenure

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
    waiting: deque[Job]
    current: Job | None = None
    is_working: bool = False
    place: Place | None = None
    runner: asyncio.Task[None] | None = field(default=None, repr=False)


class KeyedScheduler:
    """Runs jobs of one key in the order of their submission; belongs to one event loop.

    `failed` is told when a job raised after all, which is a fault of ours.
    """

    def __init__(self, limit: int, failed: Callable[[BaseException], None]) -> None:
        self._places = Places(limit)
        self._failed = failed
        self._queues: dict[str, _Queue] = {}
        self._ending: set[asyncio.Task[None]] = set()
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
            if job.lane is Lane.LIVE and queue.place is not None:
                queue.place.hurry()

    def cancel(self, tenures: Collection[Tenure]) -> None:
        """Drop the jobs of these tenures, also those that have begun."""
        for key, queue in list(self._queues.items()):
            kept = deque(job for job in queue.waiting if job.tenure not in tenures)
            if queue.current is not None and queue.current.tenure in tenures:
                self._end(key, queue)
                if kept:
                    self._open(key, kept)
            else:
                queue.waiting = kept

    async def drain(self, seconds: float) -> bool:
        """Let the work that has begun end, and drop the rest; False when time ran out before."""
        self._draining = True
        for key, queue in list(self._queues.items()):
            queue.waiting.clear()
            if not queue.is_working:
                self._end(key, queue)
        runners = {queue.runner for queue in self._queues.values() if queue.runner is not None}
        pending = (await asyncio.wait(runners, timeout=seconds))[1] if runners else set()
        await self.close()
        return not pending

    async def close(self) -> None:
        """Cancel everything and wait until it has ended."""
        self._draining = True
        for key, queue in list(self._queues.items()):
            self._end(key, queue)
        if self._ending:
            await asyncio.wait(set(self._ending))

    def _open(self, key: str, jobs: deque[Job]) -> None:
        queue = _Queue(jobs)
        self._queues[key] = queue
        queue.runner = asyncio.create_task(self._run(key, queue))

    def _end(self, key: str, queue: _Queue) -> None:
        del self._queues[key]
        if queue.runner is not None:
            self._ending.add(queue.runner)
            queue.runner.add_done_callback(self._ending.discard)
            queue.runner.cancel()

    async def _run(self, key: str, queue: _Queue) -> None:
        try:
            while queue.waiting:
                queue.current = queue.waiting.popleft()
                await self._finish(queue, queue.current)
                queue.current = None
        except Exception as error:  # noqa: BLE001 - a job raised, which it never should: the worker stops
            self._failed(error)
        finally:
            if self._queues.get(key) is queue:
                del self._queues[key]

    async def _finish(self, queue: _Queue, job: Job) -> None:
        while True:
            place = Place(self._places)
            queue.place = place
            is_urgent = job.lane is Lane.LIVE or any(j.lane is Lane.LIVE for j in queue.waiting)
            await place.take(is_urgent=is_urgent)
            queue.is_working = True
            self._working += 1
            try:
                wait = await job.work(place)
            finally:
                queue.is_working = False
                self._working -= 1
                place.give_back()
            if wait is None or self._draining:
                return
            await wait()
