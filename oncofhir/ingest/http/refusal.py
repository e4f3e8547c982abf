"""Answers of the bridge: OperationOutcomes without anything of the notification.

Source: http://hl7.org/fhir/R4/operationoutcome.html and its IssueType codes.
"""

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    RequestRejected,
    UnreadableReport,
)
from oncofhir.schemas.reasons import Reason

_FHIR_JSON = "application/fhir+json"
_BAD_REQUEST, _UNPROCESSABLE, _TOO_LARGE, _UNAVAILABLE = 400, 422, 413, 503
_SYNTAX = {Reason.NOT_JSON, Reason.DUPLICATE_JSON_KEYS, Reason.EMPTY_RECORD, Reason.NOT_A_RESOURCE}


class Refusal(Exception):
    """A request is not accepted. `code` is an IssueType; the message holds nothing of the request."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.headers = headers or {}
        super().__init__(message)

    def response(self) -> Response:
        """Return the answer."""
        return outcome(self.status, "error", self.code, str(self), self.headers)


def refusal_of(error: OncofhirError, retry_after_seconds: int) -> Refusal:
    """Return the answer to an error: 503 where the same request may succeed later, else 400, 413 or 422."""
    message = (
        error.reason.value if error.detail is None else f"{error.reason.value}: {error.detail}"
    )
    match error:
        case UnreadableReport():
            status = _BAD_REQUEST if error.reason in _SYNTAX else _UNPROCESSABLE
            return Refusal(status, "invalid" if status == _BAD_REQUEST else "processing", message)
        case RequestRejected() if error.reason is Reason.BROKER_REJECTED:
            return Refusal(_TOO_LARGE, "too-long", "the broker does not take an event of this size")
        case DependencyUnavailable() | AccessDenied():
            # The address and the credentials of the broker are no business of the sender.
            later = {"retry-after": str(retry_after_seconds)}
            return Refusal(_UNAVAILABLE, "transient", error.reason.value, later)
        case _:
            return Refusal(_UNPROCESSABLE, "processing", error.reason.value)


def accepted() -> Response:
    """Return the answer to a notification whose events the broker has."""
    return outcome(200, "information", "informational", "accepted", {})


def outcome(
    status: int, severity: str, code: str, diagnostics: str, headers: Mapping[str, str]
) -> Response:
    issue = {"severity": severity, "code": code, "diagnostics": diagnostics}
    body = {"resourceType": "OperationOutcome", "issue": [issue]}
    return JSONResponse(body, status, dict(headers), media_type=_FHIR_JSON)
