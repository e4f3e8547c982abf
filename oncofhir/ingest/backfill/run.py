"""Publishes the pages of a source to the backfill topics, each acknowledged before the state moves on."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from oncofhir.consumers.kafka.publisher import Message, Publisher
from oncofhir.ingest.backfill.counts import Counts
from oncofhir.ingest.backfill.messages import BackfillTopics, Prepared, dead_letter, prepare
from oncofhir.ingest.backfill.rate import RateLimit, wait_for
from oncofhir.ingest.backfill.source import Item, Source
from oncofhir.ingest.backfill.state import State
from oncofhir.schemas.backoff import Backoff
from oncofhir.schemas.errors import DependencyUnavailable, RequestRejected
from oncofhir.settings import KafkaSettings

_BACKOFF = Backoff(first=1.0, longest=30.0)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Options:
    """How to publish: records a second, most records of a page, broken items, and the longest outage.

    `patience` is how many seconds a broker that was reached before may be unavailable.
    """

    rate: float | None = None
    page_size: int = 500
    dead_letter_broken: bool = False
    patience: float = 600.0


class Backfill:
    """One run over a source. `on_page` is called after each commit, `on_broken` with each broken item."""

    def __init__(
        self,
        source: Source,
        state: State,
        publisher: Publisher,
        settings: KafkaSettings,
        options: Options,
        *,
        on_page: Callable[[Counts], None],
        on_broken: Callable[[Prepared], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._state = state
        self._publisher = publisher
        self._settings = settings
        self._topics = BackfillTopics(settings)
        self._options = options
        self._rate = RateLimit(options.rate, clock)
        self._clock = clock
        self._on_page = on_page
        self._on_broken = on_broken
        self._counts = state.counts

    async def run(self, stop: asyncio.Event) -> bool:
        """Publish what the state does not hold yet. Return True at the end of the source, False if stopped.

        Raises:
            OncofhirError, SettingsError: a server or the broker refuses, or is unavailable for too long. What
                was committed stays; a later run continues there.
        """
        most = self._rate.at_once(self._options.page_size)
        async for page in until_stopped(
            self._source.pages(self._state.position, self._state), stop
        ):
            for start in range(0, len(page), most):
                some = page[start : start + most]
                await self._rate.take(len(some), stop)
                if stop.is_set():
                    return False
                await self._page(some, stop)
        if stop.is_set():
            return False
        self._state.complete(await self._source.finish(self._state))
        return True

    async def _page(self, items: Sequence[Item], stop: asyncio.Event) -> None:
        """Publish some items and commit the position behind them."""
        prepared = [prepare(item, self._topics) for item in items]
        fresh = self._unpublished(prepared) if self._source.may_repeat else prepared
        results = await self._publish(fresh, stop)
        broken = [result for result in results if result.is_broken]
        letters = await self._publish_dead_letters(broken, stop)
        for result in broken:
            self._on_broken(result)
        self._counts = self._counts.with_results(
            len(items),
            results,
            again=len(prepared) - len(fresh),
            dead_lettered=letters,
        )
        marks = [r.fingerprint for r in results if r.fingerprint] if self._source.may_repeat else []
        self._state.commit(items[-1].position, self._counts, marks)
        self._on_page(self._counts)

    def _unpublished(self, prepared: Sequence[Prepared]) -> list[Prepared]:
        """Return what was not published before, neither by an earlier page nor in this one."""
        seen = self._state.known([each.fingerprint for each in prepared if each.fingerprint])
        fresh = []
        for each in prepared:
            if each.fingerprint in seen:
                continue
            if each.fingerprint:
                seen.add(each.fingerprint)
            fresh.append(each)
        return fresh

    async def _publish(self, prepared: Sequence[Prepared], stop: asyncio.Event) -> list[Prepared]:
        """Publish the messages; an item whose message the broker rejects is left out with that reason."""
        messages = [each.message for each in prepared if each.message is not None]
        errors = await self._acknowledged(messages, stop)
        results, number = [], 0
        for each in prepared:
            if each.message is not None:
                error, number = errors[number], number + 1
                if error is not None:
                    results.append(
                        replace(each, reason=error.reason, detail=error.detail, fingerprint=b"")
                    )
                    continue
            results.append(each)
        return results

    async def _publish_dead_letters(self, broken: Sequence[Prepared], stop: asyncio.Event) -> int:
        """Publish the dead letters of broken items and return how many there are now.

        What is too large even for the dead-letter topic stays in the source alone, as broken.
        """
        if not self._options.dead_letter_broken:
            return 0
        topic, first = self._topics.topics[0], self._counts.broken
        letters = [
            dead_letter(each, first + number, self._settings, topic)
            for number, each in enumerate(broken)
            if each.item.raw
        ]
        return (await self._acknowledged(letters, stop)).count(None)

    async def _acknowledged(
        self, messages: Sequence[Message], stop: asyncio.Event
    ) -> list[RequestRejected | None]:
        """Publish each message until it is acknowledged or rejected; only unacknowledged ones are repeated.

        Raises:
            DependencyUnavailable: the broker stays away longer than `patience`, or the run is stopped.
        """
        ended: dict[int, RequestRejected | None] = {}
        began, attempt = self._clock(), 0
        while left := [number for number in range(len(messages)) if number not in ended]:
            answers = await asyncio.gather(
                *(self._publisher.publish([messages[number]]) for number in left),
                return_exceptions=True,
            )
            outage: DependencyUnavailable | None = None
            for number, answer in zip(left, answers, strict=True):
                if isinstance(answer, RequestRejected):
                    ended[number] = answer
                elif isinstance(answer, DependencyUnavailable):
                    outage = answer
                elif isinstance(answer, BaseException):
                    raise answer
                else:
                    ended[number] = None
            if outage is None:
                continue
            attempt += 1
            waited = self._clock() - began
            if waited > self._options.patience or stop.is_set():
                raise outage
            log.warning("waiting for the broker", attempt=attempt, seconds=round(waited))
            await wait_for(stop, _BACKOFF.delay(attempt))
        return [ended[number] for number in range(len(messages))]


async def until_stopped(
    pages: AsyncIterator[list[Item]], stop: asyncio.Event
) -> AsyncIterator[list[Item]]:
    """Yield pages, the next of which is read meanwhile; end early, also within a page, when `stop` is set."""
    stopped = asyncio.ensure_future(stop.wait())
    following: asyncio.Future[list[Item]] = _next(pages)
    try:
        while True:
            await asyncio.wait((stopped, following), return_when=asyncio.FIRST_COMPLETED)
            if stopped.done():
                return
            try:
                page = following.result()
            except StopAsyncIteration:
                return
            following = _next(pages)
            yield page
    finally:
        for task in (stopped, following):
            task.cancel()
        await asyncio.gather(stopped, following, return_exceptions=True)


def _next(pages: AsyncIterator[list[Item]]) -> "asyncio.Future[list[Item]]":
    async def following() -> list[Item]:
        return await anext(pages)

    return asyncio.ensure_future(following())


class _Forgotten:
    """Notes of a dry run, which end with it."""

    folder = Path(os.devnull)  # only files and searches are read in a dry run

    def __init__(self) -> None:
        self._notes: dict[str, Any] = {}

    def note(self, name: str) -> Any:
        return self._notes.get(name)

    def set_note(self, name: str, value: Any) -> None:
        self._notes[name] = value


async def count_items(
    source: Source,
    stop: asyncio.Event,
    *,
    on_page: Callable[[Counts], None],
    on_broken: Callable[[Prepared], None],
) -> Counts:
    """Read a source, to its end or until `stop` is set, and return the counts; nothing is published."""
    counts = Counts()
    async for page in until_stopped(source.pages(None, _Forgotten()), stop):
        prepared = [prepare(item, None) for item in page]
        for each in prepared:
            if each.is_broken:
                on_broken(each)
        counts = counts.with_results(len(page), prepared)
        on_page(counts)
    return counts
