"""The errors that cross packages.

    OncofhirError
    ├── UnreadableReport        the record or resource itself is bad: dead letter
    ├── RequestRejected         a dependency rejects a request as invalid: dead letter
    ├── DependencyUnavailable   a dependency is down, slow or overloaded: transient
    │   └── ModelReplaced       another model answers than was asked: ask it again
    ├── StoreConflict           another writer was faster: transient, read and decide again
    ├── AccessDenied            401 or 403: halt, unless other reports are served
    ├── UnsuitableServer        a dependency cannot be used at all: halt
    └── TooManyDeadLetters      the limit on dead letters is reached: halt

Errors of libraries are translated once, where they happen, with `raise … from`. A message holds no report
text, identifier or answer: `location` is an element path, a JSON position or an address. Of an address the
user information and the query are redacted, because keys and signatures are passed there.
"""

import re

from oncofhir.schemas.reasons import Reason

_USER_INFO = re.compile(r"(?<=://)[^/?#\s@]*@")
_QUERY = re.compile(r"(?<=\?)[^\s\"'<>]+")


def redact_urls(text: str) -> str:
    """Replace the query and the user information of every URL in a text."""
    return _QUERY.sub("REDACTED", _USER_INFO.sub("REDACTED@", text)) if "://" in text else text


class OncofhirError(Exception):
    """The base class: a reason code, and where the error occurred.

    `transient` means that the same call may succeed later without any change.
    """

    transient: bool = False

    def __init__(
        self, reason: Reason, location: str | None = None, detail: str | None = None
    ) -> None:
        self.reason = reason
        self.location = redact_urls(location) if location else location
        self.detail = redact_urls(detail) if detail else detail
        parts = [reason.value]
        if self.location:
            parts.append(f"at {self.location}")
        if self.detail:
            parts.append(self.detail)
        super().__init__(": ".join(parts))


class UnreadableReport(OncofhirError):
    """The record, the resource or its attachment cannot be read: it becomes a dead letter."""


class RequestRejected(OncofhirError):
    """A dependency rejected this request as invalid. Sending it again changes nothing."""


class DependencyUnavailable(OncofhirError):
    """A dependency cannot be reached or is overloaded. `retry_after` is in seconds, if it was given."""

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


class ModelReplaced(DependencyUnavailable):
    """Another model is at the address than the one that the answers would be stored under: ask again."""


class StoreConflict(OncofhirError):
    """The head or a finding changed since it was read (412 or 409): read it and decide again."""

    transient = True


class AccessDenied(OncofhirError):
    """A dependency refuses the credentials. The worker halts: no dead letter, no retry."""


class UnsuitableServer(OncofhirError):
    """A dependency declares that it lacks a required capability. The worker halts."""


class TooManyDeadLetters(OncofhirError):
    """The limit of dead letters is reached. The worker halts before it drains the topic."""
