"""Each row of the table in `failure_policy`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.consumers.processing.failure_policy import (
    Dependency,
    Halt,
    PeerOutcomes,
    Retry,
    SendToDeadLetters,
    WaitForDependency,
    decide,
    dependency_of,
    root_cause,
)
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    RequestRejected,
    StoreConflict,
    TooManyDeadLetters,
    UnreadableReport,
    UnsuitableServer,
)
from oncofhir.schemas.reasons import Disposition, Reason
from oncofhir.settings import RetrySettings, SettingsError

SETTINGS = RetrySettings(
    attempts=3, initial_delay_seconds=1, max_delay_seconds=10, dead_letter_after_seconds=20
)
ALONE, OTHERS_SUCCEED, BLOCKED = (
    PeerOutcomes(),
    PeerOutcomes(succeeded=True),
    PeerOutcomes(circuit_open=True),
)
SERVED_SINCE = PeerOutcomes(succeeded=True, served_since_failure=True)
STORE_FAILED = DependencyUnavailable(Reason.STORE_FAILED)
HOST_UNAVAILABLE = DependencyUnavailable(Reason.ATTACHMENT_HOST_UNAVAILABLE)
MODEL_DENIED = AccessDenied(Reason.MODEL_ACCESS_DENIED)
STORE_DENIED = AccessDenied(Reason.STORE_ACCESS_DENIED)
BROKER_DENIED = AccessDenied(Reason.BROKER_ACCESS_DENIED)


@pytest.mark.parametrize(
    ("error", "attempt", "age", "others", "verdict"),
    [
        (UnreadableReport(Reason.NOT_JSON), 1, 0, ALONE, SendToDeadLetters(Reason.NOT_JSON)),
        (
            RequestRejected(Reason.STORE_REJECTED),
            1,
            0,
            BLOCKED,
            SendToDeadLetters(Reason.STORE_REJECTED),
        ),
        (STORE_FAILED, 1, 0, ALONE, Retry(1)),
        (STORE_FAILED, 3, 5, OTHERS_SUCCEED, Retry(4)),
        (STORE_FAILED, 3, 20, OTHERS_SUCCEED, SendToDeadLetters(Reason.STORE_FAILED)),
        (STORE_FAILED, 99, 9999, ALONE, Retry(10)),
        (STORE_FAILED, 99, 9999, BLOCKED, WaitForDependency(Dependency.STORE)),
        (
            DependencyUnavailable(Reason.MODEL_UNREACHABLE),
            1,
            0,
            BLOCKED,
            WaitForDependency(Dependency.MODEL),
        ),
        (
            DependencyUnavailable(Reason.MODEL_OVERLOADED, retry_after=7),
            99,
            999,
            OTHERS_SUCCEED,
            Retry(10, counts=False),
        ),
        (DependencyUnavailable(Reason.MODEL_OVERLOADED), 1, 0, BLOCKED, Retry(1, counts=False)),
        (DependencyUnavailable(Reason.MODEL_FAILED, retry_after=7), 1, 0, ALONE, Retry(7)),
        (DependencyUnavailable(Reason.BROKER_UNREACHABLE), 99, 999, OTHERS_SUCCEED, Retry(10)),
        (StoreConflict(Reason.STORE_CONFLICT), 2, 0, OTHERS_SUCCEED, Retry(2)),
        (
            StoreConflict(Reason.STORE_CONFLICT),
            9,
            30,
            OTHERS_SUCCEED,
            SendToDeadLetters(Reason.STORE_CONFLICT),
        ),
        (ValueError(), 2, 999, ALONE, Retry(2)),
        (RecursionError(), 99, 9999, ALONE, Retry(10)),
        (
            ExceptionGroup("two", [OSError()]),
            99,
            9999,
            BLOCKED,
            WaitForDependency(Dependency.UNKNOWN),
        ),
        (UnicodeEncodeError("utf-8", "", 0, 1, ""), 3, 5, OTHERS_SUCCEED, Retry(4)),
        (TypeError(), 3, 20, OTHERS_SUCCEED, SendToDeadLetters(Reason.UNEXPECTED)),
        (HOST_UNAVAILABLE, 3, 5, ALONE, Retry(4)),
        (HOST_UNAVAILABLE, 3, 20, ALONE, SendToDeadLetters(Reason.ATTACHMENT_HOST_UNAVAILABLE)),
        (MODEL_DENIED, 1, 0, ALONE, Retry(1)),
        (MODEL_DENIED, 3, 0, ALONE, Halt(MODEL_DENIED)),
        (MODEL_DENIED, 3, 0, OTHERS_SUCCEED, Halt(MODEL_DENIED)),
        (MODEL_DENIED, 2, 0, SERVED_SINCE, SendToDeadLetters(Reason.MODEL_REFUSED_REPORT)),
        (STORE_DENIED, 2, 0, SERVED_SINCE, SendToDeadLetters(Reason.STORE_REFUSED_REPORT)),
        (BROKER_DENIED, 1, 0, SERVED_SINCE, Halt(BROKER_DENIED)),
    ],
)
def test_the_table(error, attempt, age, others, verdict):
    assert decide(error, attempt, age, others, SETTINGS) == verdict


@pytest.mark.parametrize("kind", [UnsuitableServer, TooManyDeadLetters])
def test_some_errors_halt(kind):
    error = kind(Reason.STORE_ACCESS_DENIED)
    assert decide(error, 1, 0, ALONE, SETTINGS) == Halt(error)


def test_a_secret_that_cannot_be_read_is_no_fault_of_the_report():
    """It may be exchanged this very moment; if it stays away the worker ends, and nothing is dead-lettered."""
    error = SettingsError("cannot read the secret file /run/secrets/token: No such file")
    verdicts = [decide(error, attempt, 0, OTHERS_SUCCEED, SETTINGS) for attempt in (1, 2, 3, 4)]
    assert verdicts == [Retry(1), Retry(2), Halt(error), Halt(error)]


@given(
    st.sampled_from([r for r in Reason if r.disposition is Disposition.RETRY]),
    st.integers(1, 10_000),
    st.floats(0, 1e6),
    st.floats(0, 1),
)
def test_nothing_transient_is_dead_lettered_while_nobody_succeeds(reason, attempt, age, jitter):
    error = DependencyUnavailable(reason)
    verdict = decide(error, attempt, age, ALONE, SETTINGS, jitter)
    if dependency_of(error) is not None and reason is not Reason.STORE_CONFLICT:
        assert isinstance(verdict, Retry)
        assert 0 < verdict.delay <= SETTINGS.max_delay_seconds


def test_every_transient_reason_names_its_dependency():
    named = {
        reason: dependency_of(DependencyUnavailable(reason))
        for reason in Reason
        if reason.disposition is Disposition.RETRY
    }
    assert None not in named.values()


@pytest.mark.parametrize(
    ("leaves", "decisive"),
    [
        ([STORE_FAILED, MODEL_DENIED], MODEL_DENIED),
        ([HOST_UNAVAILABLE, ValueError("x")], HOST_UNAVAILABLE),
        ([UnreadableReport(Reason.NO_TEXT), STORE_FAILED], None),
        ([ValueError("x")], None),
    ],
)
def test_the_decisive_error_of_a_group_is_found_however_deep(leaves, decisive):
    expected = decisive if decisive is not None else leaves[0]
    assert root_cause(ExceptionGroup("g", leaves)) is expected
    assert root_cause(ExceptionGroup("g", [ExceptionGroup("h", leaves)])) is expected


def test_a_secret_that_several_questions_could_not_read_is_the_setting():
    unreadable = SettingsError("the token file begins with a byte order mark")
    group = ExceptionGroup("g", [STORE_FAILED, ExceptionGroup("h", [unreadable, unreadable])])
    assert root_cause(group) is unreadable


def test_a_group_of_unexplained_errors_stays_unexplained():
    group = ExceptionGroup("g", [ValueError(), TypeError()])
    assert root_cause(group) is group
    assert dependency_of(group) is Dependency.UNKNOWN
