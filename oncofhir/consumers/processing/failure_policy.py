"""What becomes of a report whose processing failed: a pure decision, without clock or I/O.

| error | decision |
| --- | --- |
| AccessDenied, UnsuitableServer, TooManyDeadLetters | halt |
| UnreadableReport, RequestRejected | dead letter |
| a dependency that is only overloaded | retry, does not count as an attempt |
| a dependency whose breaker is not closed | wait for it |
| transient, attempts and time not used up | retry |
| transient, used up, others succeed | dead letter |
| transient, used up, nobody succeeds | retry slowly: it may be the dependency |
| a setting that can no longer be used, such as a secret's file | a few retries, then halt |
| anything else (a fault of ours) | a few retries, then dead letter |
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    RequestRejected,
    StoreConflict,
    TooManyDeadLetters,
    UnreadableReport,
    UnsuitableServer,
)
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import RetrySettings, SettingsError

_BUG_ATTEMPTS = 3


class Dependency(StrEnum):
    """What a report needs beside itself."""

    MODEL = "model"
    STORE = "store"
    BROKER = "broker"


@dataclass(frozen=True)
class Retry:
    """Again after `delay` seconds; `counts` says whether it uses up an attempt."""

    delay: float
    counts: bool = True


@dataclass(frozen=True)
class SendToDeadLetters:
    """Into the dead-letter topic, for this reason."""

    reason: Reason


@dataclass(frozen=True)
class Halt:
    """The worker stops; nothing is dead-lettered."""

    error: OncofhirError | SettingsError


@dataclass(frozen=True)
class WaitForDependency:
    """Again when the dependency is back; does not use up an attempt."""

    dependency: Dependency


FailureAction = Retry | SendToDeadLetters | Halt | WaitForDependency


@dataclass(frozen=True)
class PeerOutcomes:
    """How other reports fare with the dependency that failed this one.

    `blocked`: its breaker is not closed. `succeeded`: one succeeded since this one first failed.
    """

    circuit_open: bool = False
    succeeded: bool = False


def dependency_of(error: Exception) -> Dependency | None:
    """The dependency that an error is about, None when it is about the report or about us."""
    if not isinstance(error, DependencyUnavailable):
        return None
    room = error.reason.value.partition("-")[0]
    return Dependency(room) if room in set(Dependency) else None


def decide(
    error: Exception,
    attempt: int,
    age: float,
    peers: PeerOutcomes,
    settings: RetrySettings,
    jitter: float = 1.0,
) -> FailureAction:
    """What becomes of a report.

    Args:
        error: what its processing raised.
        attempt: how often it was tried, from 1; tries that did not count left out.
        age: seconds since the first try.
        peers: how other reports fare.
        settings: attempts and delays.
        jitter: between 0 and 1; scales the delay between half and full.
    """
    if isinstance(error, AccessDenied | UnsuitableServer | TooManyDeadLetters):
        return Halt(error)
    if isinstance(error, UnreadableReport | RequestRejected):
        return SendToDeadLetters(error.reason)
    delay = _delay(attempt, settings) * (0.5 + jitter / 2)
    if isinstance(error, StoreConflict):
        used_up = attempt >= settings.attempts and age >= settings.dead_letter_after_seconds
        return SendToDeadLetters(error.reason) if used_up and peers.succeeded else Retry(delay)
    dependency = dependency_of(error)
    if isinstance(error, DependencyUnavailable) and dependency is not None:
        return _for_dependency(error, dependency, attempt, age, peers, settings, delay)
    if attempt < min(settings.attempts, _BUG_ATTEMPTS):
        return Retry(delay)
    return _for_bug(error)


def _for_bug(error: Exception) -> FailureAction:
    if isinstance(error, SettingsError):  # every report would come to it
        return Halt(error)
    return SendToDeadLetters(
        error.reason if isinstance(error, OncofhirError) else Reason.UNEXPECTED
    )


def _for_dependency(
    error: DependencyUnavailable,
    dependency: Dependency,
    attempt: int,
    age: float,
    peers: PeerOutcomes,
    settings: RetrySettings,
    delay: float,
) -> FailureAction:
    delay = max(delay, min(error.retry_after or 0.0, settings.max_delay_seconds))
    if error.reason is Reason.MODEL_OVERLOADED:
        return Retry(delay, counts=False)
    if peers.circuit_open:
        return WaitForDependency(dependency)
    match dependency:
        case Dependency.BROKER:  # a dead letter would go the same way
            return Retry(delay)
        case Dependency.MODEL | Dependency.STORE:
            used_up = attempt >= settings.attempts and age >= settings.dead_letter_after_seconds
            return SendToDeadLetters(error.reason) if used_up and peers.succeeded else Retry(delay)
        case _:
            assert_never(dependency)


def _delay(attempt: int, settings: RetrySettings) -> float:
    doublings = min(max(attempt - 1, 0), 30)
    return min(settings.initial_delay_seconds * 2.0**doublings, settings.max_delay_seconds)
