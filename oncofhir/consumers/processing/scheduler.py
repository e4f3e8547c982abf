"""Runs jobs in order per key and in parallel across keys, up to a limit; live jobs before backfill."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from oncofhir.consumers.kafka.records import AssignmentEpoch
from oncofhir.consumers.processing.concurrency import Slot, WaitQueue
from oncofhir.consumers.source.priority import Priority

Wait = Callable[[], Awaitable[None]]


Work = Callable[[Slot], Awaitable[Wait | None]]


@dataclass(frozen=True, eq=False)
class Job:
    """A piece of work for a key.

    `work` returns None when it is done, or what to wait for before it is called again. While it waits it
    blocks its own key and holds no slot. It must not raise. A live job gets a slot before backfill jobs,
    and makes the jobs before it in its key urgent.
    """

    key: str
    epoch: AssignmentEpoch
    work: Work
    priority: Priority = Priority.LIVE


@dataclass(eq=False)
class _Queue:
    """The jobs of a key. It waits for a slot, holds one, or waits to run its job again."""

    key: str
    waiting: deque[Job]
    current: Job | None = None
    is_working: bool = False
    slot: Slot | None = field(default=None, repr=False)
    runner: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def is_urgent(self) -> bool:
        is_live = self.current is not None and self.current.priority is Priority.LIVE
        return is_live or any(job.priority is Priority.LIVE for job in self.waiting)


class KeyedScheduler:
    """Runs the jobs of a key in the order of their submission. Belongs to one event loop.

    A runner is a task that holds a slot. It goes from job to job as long as any waits, without a turn of the
    event loop in between. `on_error` receives what a job raises, which is a bug.
    """

    def __init__(self, limit: int, on_error: Callable[[BaseException], None]) -> None:
        self._free_slots = limit  # above 0 only while the wait queue is empty
        self._wait_queue: WaitQueue[_Queue] = WaitQueue()
        self._on_error = on_error
        self._queues: dict[str, _Queue] = {}
        self._runners: set[asyncio.Task[None]] = set()
        # Keys whose job was cancelled at work: their next job begins when it has left its work.
        self._cancelled: set[str] = set()
        self._running = 0
        self._draining = False

    @property
    def running(self) -> int:
        """Number of jobs that run now, with a slot or without."""
        return self._running

    def submit(self, job: Job) -> None:
        """Queue a job behind those of the same key. While draining it is dropped."""
        if self._draining:
            return
        queue = self._queues.get(job.key)
        if queue is None:
            self._create_queue(job.key, deque([job]))
        else:
            queue.waiting.append(job)
            if job.priority is Priority.LIVE:
                self._wait_queue.promote(queue)

    def cancel(self, epochs: Collection[AssignmentEpoch]) -> None:
        """Drop the jobs of these epochs, also running ones."""
        for key, queue in list(self._queues.items()):
            kept = deque(job for job in queue.waiting if job.epoch not in epochs)
            if queue.current is not None and queue.current.epoch not in epochs:
                queue.waiting = kept
            elif queue.current is not None or len(kept) < len(queue.waiting):
                self._remove(queue)
                if kept:
                    self._create_queue(key, kept)

    async def drain(self, seconds: float) -> bool:
        """Wait for running jobs, and drop the others. Return False when the time ran out before."""
        self._draining = True
        for queue in list(self._queues.values()):
            queue.waiting.clear()
            if not queue.is_working:
                self._remove(queue)
        runners = {queue.runner for queue in self._queues.values() if queue.runner is not None}
        pending = (await asyncio.wait(runners, timeout=seconds))[1] if runners else set()
        await self.close()
        return not pending

    async def close(self) -> None:
        """Cancel all jobs and wait until they have ended."""
        self._draining = True
        for queue in list(self._queues.values()):
            self._remove(queue)
        if self._runners:
            await asyncio.wait(set(self._runners))

    def _create_queue(self, key: str, jobs: deque[Job]) -> None:
        queue = _Queue(key, jobs)
        self._queues[key] = queue
        if key not in self._cancelled:
            self._enqueue(queue)

    def _remove(self, queue: _Queue) -> None:
        del self._queues[queue.key]
        self._wait_queue.discard(queue)
        runner = queue.runner
        if runner is not None:
            runner.cancel()
            if queue.is_working:
                self._cancelled.add(queue.key)
                runner.add_done_callback(lambda _: self._on_cancelled_ended(queue.key))
            elif queue.slot is not None:
                queue.slot.release()  # a runner that has not begun never releases it

    def _on_cancelled_ended(self, key: str) -> None:
        """Start the next job of a key, now that the cancelled one has left its work."""
        self._cancelled.discard(key)
        queue = self._queues.get(key)
        if queue is not None:
            self._enqueue(queue)

    def _enqueue(self, queue: _Queue) -> None:
        if self._free_slots:
            self._free_slots -= 1
            self._start(queue)
        else:
            self._wait_queue.push(queue, is_urgent=queue.is_urgent)

    def _on_slot_released(self) -> None:
        queue = self._pop_next()
        if queue is not None:
            self._start(queue)

    def _pop_next(self) -> _Queue | None:
        """Return the queue that gets a free slot; the slot stays free when there is none."""
        queue = None if self._draining else self._wait_queue.pop()
        if queue is None:
            self._free_slots += 1
        return queue

    def _start(self, queue: _Queue) -> None:
        queue.slot = Slot(self._on_slot_released)
        queue.runner = asyncio.create_task(self._run(queue))
        self._runners.add(queue.runner)
        queue.runner.add_done_callback(self._runners.discard)

    async def _run(self, queue: _Queue) -> None:
        runner = queue.runner
        slot = queue.slot or Slot(self._on_slot_released)
        try:
            while (then := await self._work(queue, slot)) is not None:
                queue = then
                queue.runner = runner
                queue.slot = slot = Slot(self._on_slot_released)
        except Exception as error:  # noqa: BLE001 - a job must not raise: the worker stops
            if self._queues.get(queue.key) is queue:
                del self._queues[queue.key]
            self._on_error(error)
        finally:
            slot.release()

    async def _work(self, queue: _Queue, slot: Slot) -> _Queue | None:
        """Run one job. Return the queue that gets the slot next, None when the slot was released."""
        queue.current = queue.current or queue.waiting.popleft()
        queue.is_working = True
        self._running += 1
        try:
            wait = await queue.current.work(slot)
        finally:
            queue.is_working = False
            self._running -= 1
        if wait is not None and not self._draining:
            slot.release()
            await wait()
            queue.runner = None
            self._enqueue(queue)
            return None
        return self._next_queue(queue, slot)

    def _next_queue(self, queue: _Queue, slot: Slot) -> _Queue | None:
        queue.current = queue.runner = None
        has_slot = slot.transfer()
        if self._queues.get(queue.key) is queue:
            if not queue.waiting:
                del self._queues[queue.key]
            elif has_slot:
                self._wait_queue.push(queue, is_urgent=queue.is_urgent)
            else:
                self._enqueue(queue)
        return self._pop_next() if has_slot else None
