"""Closed, open, half-open; times are passed in."""

import asyncio

import pytest

from oncofhir.consumers.processing.circuit_breaker import BreakerState, CircuitBreaker
from oncofhir.consumers.processing.failure_policy import Dependency
from oncofhir.consumers.processing.outages import OutageMonitor
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import RetrySettings


@pytest.fixture
def breaker():
    return CircuitBreaker(Dependency.STORE, threshold=3, first_delay=1, longest_delay=4)


def open_it(breaker, now=0.0):
    for document in "abc":
        breaker.record_failure(document, now)


def test_it_opens_when_several_documents_fail_and_none_succeeds(breaker):
    for _ in range(9):
        breaker.record_failure("same", 0)
    breaker.record_failure("b", 0)
    assert breaker.state is BreakerState.CLOSED
    breaker.record_success(0)
    breaker.record_failure("c", 0)
    assert breaker.state is BreakerState.CLOSED
    breaker.record_failure("d", 0)
    breaker.record_failure("e", 5)
    assert breaker.state is BreakerState.OPEN
    assert breaker.next_probe_at == 6


def test_probes_come_less_and_less_often_until_one_is_answered(breaker):
    open_it(breaker)
    delays = []
    now = 0.0
    for _ in range(4):
        delays.append(breaker.next_probe_at - now)
        now = breaker.next_probe_at
        breaker.record_probe(False, now)
    assert delays == [1, 2, 4, 4]
    breaker.record_probe(True, now)
    assert breaker.state is BreakerState.HALF_OPEN
    breaker.record_failure("a", now)
    assert breaker.state is BreakerState.OPEN
    breaker.record_probe(True, now)
    assert breaker.record_success(now)
    assert breaker.state is BreakerState.CLOSED
    assert breaker.last_success == now
    open_it(breaker, now)
    assert breaker.next_probe_at == now + 1


def test_what_had_begun_before_may_close_it(breaker):
    open_it(breaker)
    assert breaker.record_success(1)
    assert breaker.state is BreakerState.CLOSED
    assert breaker.next_probe_at is None


RETRY = RetrySettings(
    initial_delay_seconds=0.01, max_delay_seconds=0.02, circuit_breaker_threshold=2
)


def outage(probe, halted):
    return OutageMonitor(RETRY, probe=probe, on_change=lambda: None, halt=halted.append)


def test_those_that_wait_go_on_one_first_then_all():
    async def scene():
        answers = [DependencyUnavailable(Reason.STORE_UNREACHABLE)] * 2 + [None]

        async def probe():
            error = answers.pop(0)
            if error:
                raise error

        outages = outage(probe, [])
        watch = asyncio.create_task(outages.run())
        for document in "ab":
            outages.record_failure(Dependency.STORE, document)
        assert outages.open == (Dependency.STORE,)
        gone_on = []

        async def wait(name):
            await outages.wait(Dependency.STORE)
            gone_on.append(name)

        waiting = [asyncio.create_task(wait(name)) for name in "abc"]
        async with asyncio.timeout(5):
            while not gone_on:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert gone_on == ["a"]
        assert outages.peer_outcomes(Dependency.STORE, 0).circuit_open
        outages.record_success(Dependency.STORE)
        await asyncio.gather(*waiting)
        assert gone_on == ["a", "b", "c"]
        assert outages.peer_outcomes(Dependency.STORE, 0).succeeded
        watch.cancel()

    asyncio.run(scene())


def test_a_refusal_while_probing_halts():
    async def scene():
        denied = AccessDenied(Reason.STORE_ACCESS_DENIED)
        halted = []

        async def probe():
            raise denied

        outages = outage(probe, halted)
        watch = asyncio.create_task(outages.run())
        for document in "ab":
            outages.record_failure(Dependency.MODEL, document)
        async with asyncio.timeout(5):
            while not halted:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert halted[0] is denied
        watch.cancel()

    asyncio.run(scene())


def test_where_the_first_that_is_let_go_on_says_nothing_the_next_gets_its_turn():
    """It was revoked, or its report needed no answer: nobody else may come to say how things stand."""

    async def scene():
        async def probe():
            pass

        outages = outage(probe, [])
        watch = asyncio.create_task(outages.run())
        for document in "ab":
            outages.record_failure(Dependency.STORE, document)
        waiting = [asyncio.create_task(outages.wait(Dependency.STORE)) for _ in range(4)]
        await asyncio.wait(waiting[:1], timeout=5)
        waiting[0].cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(*waiting[1:])
        assert outages.states[Dependency.STORE] is BreakerState.HALF_OPEN
        watch.cancel()

    asyncio.run(scene())
