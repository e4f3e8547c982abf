"""Decides what to do with a report whose processing failed. Pure: no clock, no I/O.

| error | decision |
| --- | --- |
| UnsuitableServer, TooManyDeadLetters, access denied by the broker | halt |
| access denied by model or store, a report begun later was served | dead letter: the report is refused |
| access denied by model or store, nobody was served since | a few retries, then halt |
| UnreadableReport, RequestRejected | dead letter |
| a dependency that is overloaded | retry; does not count as an attempt |
| a dependency whose circuit breaker is not closed | wait for it |
| transient or unknown, attempts and time not used up | retry |
| transient or unknown, used up, other reports succeed | dead letter |
| transient or unknown, used up, no report succeeds | retry slowly: it may be the dependency |
| a setting that can no longer be used, such as a secret file | a few retries, then halt |

An unknown error is one that no adapter explains: a bug, or an answer that no adapter expects. Whether it is
the report or a dependency shows only in how other reports fare.
"""

from dataclasses import dataclass
from enum import StrEnum

from oncofhir.schemas.backoff import Backoff
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

_SETTINGS_ATTEMPTS = 5
_JITTER = 0.5


class Dependency(StrEnum):
    """What a report needs besides itself."""

    MODEL = "model"
    STORE = "store"
    BROKER = "broker"
    ATTACHMENT_HOST = "attachment-host"  # a server of ONCOFHIR_INTAKE__ALLOWED_ORIGINS
    UNKNOWN = "unknown"  # an error that no adapter explains


# A server that only some reports need delays those reports; it never pauses the stream.
WITH_CIRCUIT_BREAKER: tuple[Dependency, ...] = tuple(
    d for d in Dependency if d is not Dependency.ATTACHMENT_HOST
)
_REFUSED = {
    Dependency.MODEL: Reason.MODEL_REFUSED_REPORT,
    Dependency.STORE: Reason.STORE_REFUSED_REPORT,
}


@dataclass(frozen=True)
class Retry:
    """Process the report again after `delay` seconds. `counts`: it uses up an attempt."""

    delay: float
    counts: bool = True


@dataclass(frozen=True)
class SendToDeadLetters:
    """Send the record to the dead-letter topic, for this reason."""

    reason: Reason


@dataclass(frozen=True)
class Halt:
    """Stop the worker. Nothing is dead-lettered."""

    error: OncofhirError | SettingsError


@dataclass(frozen=True)
class WaitForDependency:
    """Process the report again when the dependency has recovered. Uses up no attempt."""

    dependency: Dependency


FailureAction = Retry | SendToDeadLetters | Halt | WaitForDependency


@dataclass(frozen=True)
class PeerOutcomes:
    """How other reports fare with the dependency that failed this one.

    `circuit_open`: its circuit breaker is not closed. `succeeded`: a report succeeded since this one was
    first tried. `served_since_failure`: a report that was begun after this one first failed has succeeded.
    """

    circuit_open: bool = False
    succeeded: bool = False
    served_since_failure: bool = False


def dependency_of(error: Exception) -> Dependency | None:
    """Return the dependency that an error is about, None when it is about the report or the settings."""
    if isinstance(error, AccessDenied | DependencyUnavailable | StoreConflict):
        prefixes = (d for d in Dependency if error.reason.value.startswith(f"{d.value}-"))
        return next(prefixes, Dependency.UNKNOWN)
    is_explained = isinstance(error, OncofhirError | SettingsError)
    return None if is_explained else Dependency.UNKNOWN


def root_cause(error: Exception) -> Exception:
    """Return what decides in an ExceptionGroup: questions to a model that are asked together fail together.

    A setting comes before access denied, then what one report caused, then an unavailable dependency. An
    error that no adapter explains decides only if nothing else is in the group.
    """
    if not isinstance(error, ExceptionGroup):
        return error
    leaves = [root_cause(inner) for inner in error.exceptions if isinstance(inner, Exception)]
    for kind in (SettingsError, AccessDenied, RequestRejected, UnreadableReport, OncofhirError):
        found = next((leaf for leaf in leaves if isinstance(leaf, kind)), None)
        if found is not None:
            return found
    return leaves[0] if len(leaves) == 1 else error


def decide(
    error: Exception,
    attempt: int,
    age: float,
    peers: PeerOutcomes,
    settings: RetrySettings,
    jitter: float = 1.0,
) -> FailureAction:
    """Decide what to do with a report.

    Args:
        error: what its processing raised.
        attempt: number of attempts, from 1; attempts that do not count are left out.
        age: seconds since the first attempt.
        peers: how other reports fare.
        settings: attempts and delays.
        jitter: between 0 and 1; scales the delay between half and full.
    """
    if isinstance(error, UnsuitableServer | TooManyDeadLetters):
        return Halt(error)
    if isinstance(error, UnreadableReport | RequestRejected):
        return SendToDeadLetters(error.reason)
    backoff = Backoff(settings.initial_delay_seconds, settings.max_delay_seconds, jitter=_JITTER)
    delay = backoff.delay(attempt, jitter)
    if isinstance(error, SettingsError):  # every report would fail with it
        is_used_up = attempt >= min(settings.attempts, _SETTINGS_ATTEMPTS)
        return Halt(error) if is_used_up else Retry(delay)
    if isinstance(error, AccessDenied):
        return _for_denial(error, attempt, peers, settings, delay)
    return _for_dependency(error, attempt, age, peers, settings, delay)


def _for_denial(
    error: AccessDenied,
    attempt: int,
    peers: PeerOutcomes,
    settings: RetrySettings,
    delay: float,
) -> FailureAction:
    """Tell a gateway that refuses one report from credentials that are refused."""
    refused = _REFUSED.get(dependency_of(error) or Dependency.UNKNOWN)
    if refused is None:
        return Halt(error)
    if peers.served_since_failure:
        return SendToDeadLetters(refused)
    return Halt(error) if attempt >= settings.attempts else Retry(delay)


def _for_dependency(
    error: Exception,
    attempt: int,
    age: float,
    peers: PeerOutcomes,
    settings: RetrySettings,
    delay: float,
) -> FailureAction:
    dependency = dependency_of(error) or Dependency.UNKNOWN
    if isinstance(error, DependencyUnavailable):
        delay = max(delay, min(error.retry_after or 0.0, settings.max_delay_seconds))
        if error.reason is Reason.MODEL_OVERLOADED:
            return Retry(delay, counts=False)
    is_used_up = attempt >= settings.attempts and age >= settings.dead_letter_after_seconds
    if dependency is Dependency.ATTACHMENT_HOST and is_used_up:
        return SendToDeadLetters(Reason.ATTACHMENT_HOST_UNAVAILABLE)
    if peers.circuit_open and not isinstance(error, StoreConflict):
        return WaitForDependency(dependency)
    if dependency is Dependency.BROKER:  # a dead letter would fail the same way
        return Retry(delay)
    if is_used_up and peers.succeeded:
        return SendToDeadLetters(
            error.reason if isinstance(error, OncofhirError) else Reason.UNEXPECTED
        )
    return Retry(delay)
