"""Work in order for each key, in parallel across keys, up to a limit."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from oncofhir.consumers.records import Tenure

Wait = Callable[[], Awaitable[None]]


class Place:
    """One of the parallel places, taken by a job while it is worked on."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._is_taken = False

    async def take(self) -> None:
        """Wait for a free place."""
        await self._places.acquire()
        self._is_taken = True

    def give_back(self) -> None:
        """Let another job begin: what is left to do is waiting for acknowledgements."""
        if self._is_taken:
            self._is_taken = False
            self._places.release()


Work = Callable[[Place], Awaitable[Wait | None]]


@dataclass(frozen=True, eq=False)
class Job:
    """One piece of work for a key.

    `work` ends with None when it is done, or with what to wait for before it is called again: while
    it waits it holds up its own key and takes none of the parallel places. It raises nothing.
    """

    key: str
    tenure: Tenure
    work: Work


@dataclass(eq=False)
class _Lane:
    waiting: deque[Job]
    current: Job | None = None
    is_working: bool = False
    runner: asyncio.Task[None] | None = field(default=None, repr=False)


class KeyedScheduler:
    """Runs jobs of one key in the order of their submission; belongs to one event loop.

    `failed` is told when a job raised after all, which is a fault of ours.
    """

    def __init__(self, limit: int, failed: Callable[[BaseException], None]) -> None:
        self._places = asyncio.Semaphore(limit)
        self._failed = failed
        self._lanes: dict[str, _Lane] = {}
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
        lane = self._lanes.get(job.key)
        if lane is None:
            self._open(job.key, deque([job]))
        else:
            lane.waiting.append(job)

    def cancel(self, tenures: Collection[Tenure]) -> None:
        """Drop the jobs of these tenures, also those that have begun."""
        for key, lane in list(self._lanes.items()):
            kept = deque(job for job in lane.waiting if job.tenure not in tenures)
            if lane.current is not None and lane.current.tenure in tenures:
                self._end(key, lane)
                if kept:
                    self._open(key, kept)
            else:
                lane.waiting = kept

    async def drain(self, seconds: float) -> bool:
        """Let the work that has begun end, and drop the rest; False when time ran out before."""
        self._draining = True
        for key, lane in list(self._lanes.items()):
            lane.waiting.clear()
            if not lane.is_working:
                self._end(key, lane)
        runners = {lane.runner for lane in self._lanes.values() if lane.runner is not None}
        pending = (await asyncio.wait(runners, timeout=seconds))[1] if runners else set()
        await self.close()
        return not pending

    async def close(self) -> None:
        """Cancel everything and wait until it has ended."""
        self._draining = True
        for key, lane in list(self._lanes.items()):
            self._end(key, lane)
        if self._ending:
            await asyncio.wait(set(self._ending))

    def _open(self, key: str, jobs: deque[Job]) -> None:
        lane = _Lane(jobs)
        self._lanes[key] = lane
        lane.runner = asyncio.create_task(self._run(key, lane))

    def _end(self, key: str, lane: _Lane) -> None:
        del self._lanes[key]
        if lane.runner is not None:
            self._ending.add(lane.runner)
            lane.runner.add_done_callback(self._ending.discard)
            lane.runner.cancel()

    async def _run(self, key: str, lane: _Lane) -> None:
        try:
            while lane.waiting:
                lane.current = lane.waiting.popleft()
                await self._finish(lane, lane.current)
                lane.current = None
        except Exception as error:  # noqa: BLE001 - a job raised, which it never should: the worker stops
            self._failed(error)
        finally:
            if self._lanes.get(key) is lane:
                del self._lanes[key]

    async def _finish(self, lane: _Lane, job: Job) -> None:
        while True:
            place = Place(self._places)
            await place.take()
            lane.is_working = True
            self._working += 1
            try:
                wait = await job.work(place)
            finally:
                lane.is_working = False
                self._working -= 1
                place.give_back()
            if wait is None or self._draining:
                return
            await wait()
