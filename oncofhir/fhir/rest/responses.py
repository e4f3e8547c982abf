"""Maps responses of a FHIR server to results or to typed errors, which hold none of the server's words.

Source: http://hl7.org/fhir/R4/http.html, http://hl7.org/fhir/R4/valueset-issue-type.html.
"""

import re
from typing import Any

import httpx2

from oncofhir.fhir.rest.retry import retry_after_seconds
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    RequestRejected,
    StoreConflict,
    UnreadableReport,
)
from oncofhir.schemas.reasons import Reason

OK = range(200, 300)
_REDIRECTS = range(300, 400)
_DENIED = frozenset({401, 403})
_CONFLICT = frozenset({409, 412})
_LATER = frozenset({408, 425, 429})
_ABSENT = {404: Reason.RESOURCE_NOT_FOUND, 410: Reason.DELETED}
_SERVER = 500
_MAX_ISSUES = 5
_TOO_LARGE = 413
# OperationOutcome.issue.code; HAPI FHIR responds with 413 to a transaction of too many entries.
_TOO_LARGE_CODES = frozenset({"too-long", "too-costly"})
# OperationOutcome.issue.code, mapped to the equivalent HTTP status.
_STATUS_OF_ISSUE = {
    "security": 403,
    "login": 401,
    "unknown": 401,
    "expired": 401,
    "forbidden": 403,
    "suppressed": 403,
    "conflict": 409,
    "multiple-matches": 412,
    "lock-error": 503,
    "transient": 503,
    "timeout": 503,
    "throttled": 429,
    "too-long": _TOO_LARGE,
    "too-costly": _TOO_LARGE,
    "no-store": 503,
    "exception": 500,
    "incomplete": 500,
}
# In responses to reads only; a write whose references do not exist is rejected.
_STATUS_OF_ABSENCE = {"not-found": 404, "deleted": 410}
_UNPROCESSABLE = 422
_OUTCOME = "OperationOutcome"
_WRONG = frozenset({"fatal", "error"})
_TAG = re.compile(r'(?:W/)?"([^"]+)"')
_CODING = re.compile(
    r"(?:-{1,2}|;)(?:gzip|br|deflate|zstd)$"
)  # how Apache and others mark what they compressed
_HISTORY = re.compile(r"/_history/([A-Za-z0-9\-.]{1,64})/?$")
# http://hl7.org/fhir/R4/valueset-issue-type.html, in addition to those of `_STATUS_OF_ISSUE`.
_CODES = frozenset(
    [
        "invalid",
        "structure",
        "required",
        "value",
        "invariant",
        "processing",
        "not-supported",
        "duplicate",
        "not-found",
        "deleted",
        "code-invalid",
        "extension",
        "business-rule",
        "informational",
    ]
)
# Types that are written, and the Bundle around them.
_TYPES = (
    "Bundle|Task|Condition|Observation|Specimen|BodyStructure|Provenance|Device|DocumentReference"
)
_PATH = re.compile(rf"(?:{_TYPES})(?:\[\d+\])?(?:\.[a-z][A-Za-z]*(?:\[\d+\]|\((?:{_TYPES})?\))?)*")


def error_for_status(
    status: int, where: str, outcome: Any = None, *, retry_after: str = "", reads: bool = False
) -> OncofhirError:
    """Return the error for an unsuccessful status; `where` is the server's address.

    404 and 410 mean that a resource is absent in response to a read only. Otherwise they mean that the
    address is wrong, as a redirect does: the report is not at fault, so the request is retried.
    """
    detail = f"HTTP {status}"
    if reads and status in _ABSENT:
        return UnreadableReport(_ABSENT[status])
    if status in _DENIED:
        return AccessDenied(Reason.STORE_ACCESS_DENIED, where, detail)
    if status in _CONFLICT:
        return StoreConflict(Reason.STORE_CONFLICT, where, detail)
    if status in _LATER or status >= _SERVER:
        after = retry_after_seconds(retry_after)
        return DependencyUnavailable(Reason.STORE_FAILED, where, detail, after)
    if status in _REDIRECTS or status in _ABSENT:
        hint = f"{detail}: check the address; redirects are not followed"
        return DependencyUnavailable(Reason.STORE_FAILED, where, hint)
    return _rejected(status, where, outcome)


def _rejected(status: int, where: str, outcome: Any) -> RequestRejected:
    detail = f"HTTP {status}"
    if status == _TOO_LARGE or _is_too_large(outcome):
        return RequestRejected(Reason.STORE_TOO_LARGE, where, detail)
    return RequestRejected(
        Reason.STORE_REJECTED, where, f"{detail} {issue_summary(outcome)}".strip()
    )


def _is_too_large(outcome: Any) -> bool:
    return any(str(issue.get("code")) in _TOO_LARGE_CODES for issue in _issues(outcome))


def outcome_error(outcome: Any, where: str, *, reads: bool = False) -> OncofhirError:
    """Return the error for an OperationOutcome that came with a successful status."""
    status_of_issue = _STATUS_OF_ISSUE | (_STATUS_OF_ABSENCE if reads else {})
    coded = _issues(outcome)
    statuses = [status_of_issue.get(str(i.get("code")), _UNPROCESSABLE) for i in coded]
    return error_for_status(
        statuses[0] if statuses else _UNPROCESSABLE, where, outcome, reads=reads
    )


def require_resource(answer: Any, kind: str, where: str) -> dict[str, Any]:
    """Return the response to a read or a search if it is a resource of this type.

    Raises:
        OncofhirError: it is an OperationOutcome with a successful status.
        DependencyUnavailable: it is something else, or not a resource.
    """
    actual = answer.get("resourceType") if isinstance(answer, dict) else None
    if actual == kind:
        return dict(answer)
    if actual == _OUTCOME:
        raise outcome_error(answer, where, reads=True)
    raise DependencyUnavailable(Reason.STORE_FAILED, where, f"the response is not a {kind}")


def write_error(response: httpx2.Response, where: str) -> OncofhirError | None:
    """Return the error in the body of a successful response to a create or an update, if there is one.

    A server may also report success this way (`Prefer: return=OperationOutcome`): the severity decides.
    """
    try:
        answer = response.json()
    except (ValueError, RecursionError):  # usually there is no body
        return None
    if not isinstance(answer, dict) or answer.get("resourceType") != _OUTCOME:
        return None
    is_wrong = any(issue.get("severity") in _WRONG for issue in _issues(answer))
    return outcome_error(answer, where) if is_wrong else None


def entry_error(answer: dict[str, Any], sent: int, where: str) -> OncofhirError | None:
    """Return the error of the first unsuccessful entry of a transaction response, if there is one.

    A response with fewer entries than were `sent` (R4, http.html#transaction-response: one for each) leaves
    open what was written; repeating the transaction settles it.
    """
    answered = entries_of(answer, where)
    for entry in answered:
        response = response_of(entry)
        status = status_of(response)
        if status not in OK:
            return error_for_status(status, where, response.get("outcome"))
    if len(answered) != sent:
        return DependencyUnavailable(
            Reason.STORE_FAILED, where, "the response to a transaction is incomplete"
        )
    return None


def entries_of(bundle: dict[str, Any], where: str) -> list[dict[str, Any]]:
    """Return the entries of a Bundle.

    Raises:
        DependencyUnavailable: it has something else in their place.
    """
    entries = bundle.get("entry") or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DependencyUnavailable(
            Reason.STORE_FAILED, where, "the response has malformed entries"
        )
    return entries


def response_of(entry: dict[str, Any]) -> dict[str, Any]:
    """Return `Bundle.entry.response`; an empty one if it is missing or malformed."""
    response = entry.get("response")
    return response if isinstance(response, dict) else {}


def resources_of(bundle: dict[str, Any], where: str) -> list[dict[str, Any]]:
    """Return the resources of the entries of a Bundle. Raises what `entries_of` raises."""
    resources = (entry.get("resource") for entry in entries_of(bundle, where))
    return [resource for resource in resources if isinstance(resource, dict)]


def status_of(response: dict[str, Any]) -> int:
    """Return the number in `Bundle.entry.response.status` ("201 Created"); 500 if there is none."""
    number = str(response.get("status", ""))[:3]
    return int(number) if number.isdigit() else _SERVER


def version_of(response: httpx2.Response) -> str | None:
    """Return the version that a create or an update led to, or None if the server does not state it.

    The resource itself counts, then the `Location`; a proxy may have changed the ETag, for instance when it
    compressed the response (RFC 9110, 8.8.3).
    """
    try:
        version = response.json()["meta"]["versionId"]
    except (ValueError, KeyError, TypeError, RecursionError):
        version = None
    if isinstance(version, str) and version:
        return version
    for name in ("location", "content-location"):
        history = _HISTORY.search(response.headers.get(name, ""))
        if history is not None:
            return history[1]
    tag = _TAG.fullmatch(response.headers.get("etag", "").strip())
    return None if tag is None else _CODING.sub("", tag[1]) or None


def issue_codes(response: httpx2.Response) -> list[str]:
    """Return the codes of the issues in an error response; none if it has no OperationOutcome."""
    try:
        outcome = response.json()
    except (ValueError, RecursionError):
        return []
    return [_code(issue) for issue in _issues(outcome)]


def issue_summary(outcome: Any) -> str:
    """Summarise the codes and expressions of an OperationOutcome; its diagnostics may quote the report."""
    issues = [" ".join(filter(None, (_code(i), *_paths(i)))) for i in _issues(outcome)]
    return "; ".join(issues[:_MAX_ISSUES])


def _code(issue: dict[str, Any]) -> str:
    code = str(issue.get("code"))
    return code if code in _CODES or code in _STATUS_OF_ISSUE else "unknown-code"


def _paths(issue: dict[str, Any]) -> list[str]:
    """Return the expressions that are element paths and nothing else: a server might put a value there."""
    named = issue.get("expression")
    return [p for p in map(str, named) if _PATH.fullmatch(p)] if isinstance(named, list) else []


def _issues(outcome: Any) -> list[dict[str, Any]]:
    found = outcome.get("issue", []) if isinstance(outcome, dict) else []
    return [i for i in found if isinstance(i, dict)] if isinstance(found, list) else []
