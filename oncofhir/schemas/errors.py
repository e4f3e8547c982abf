"""The errors that cross rooms.

    OncofhirError
    ├── UnreadableReport        the record or resource itself is bad: dead letter
    ├── RequestRejected         a dependency says that what we sent is invalid: dead letter
    ├── DependencyUnavailable   a dependency is down, slow or overloaded: transient
    ├── StoreConflict           another writer was faster: transient, read again and decide again
    ├── AccessDenied            401 or 403, or wrong credentials: halt
    ├── UnsuitableServer        a dependency is of a kind that cannot be used: halt
    └── TooManyDeadLetters      the cap on dead letters is reached: halt

Errors of libraries are translated once, where they happen, with `raise … from`. A message holds no
report text, identifier or answer: `location` is an element path, a JSON position or an address.
"""

from oncofhir.schemas.reasons import Reason


class OncofhirError(Exception):
    """The base: a reason code and where it happened.

    `transient` says whether the same call may succeed later without anyone changing anything.
    """

    transient: bool = False

    def __init__(
        self, reason: Reason, location: str | None = None, detail: str | None = None
    ) -> None:
        self.reason = reason
        self.location = location
        self.detail = detail
        said = [reason.value]
        if location:
            said.append(f"at {location}")
        if detail:
            said.append(detail)
        super().__init__(": ".join(said))


class UnreadableReport(OncofhirError):
    """The record, the resource or its attachment cannot be read: a dead letter."""


class RequestRejected(OncofhirError):
    """A dependency answered that this very request is invalid; sending it again changes nothing."""


class DependencyUnavailable(OncofhirError):
    """A dependency cannot be reached or is overloaded. `retry_after` is in seconds, when it said so."""

    transient = True

    def __init__(
        self,
        reason: Reason,
        location: str | None = None,
        detail: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason, location, detail)
        self.retry_after = retry_after


class StoreConflict(OncofhirError):
    """The head or a finding changed since it was read (412 or 409): decide again from the start."""

    transient = True


class AccessDenied(OncofhirError):
    """A dependency refuses our credentials. The worker halts: no dead letter, no retry."""


class UnsuitableServer(OncofhirError):
    """A dependency says of itself that it cannot do what is needed. The worker halts."""


class TooManyDeadLetters(OncofhirError):
    """So much was dead-lettered that going on would drain the topic: the worker halts."""
