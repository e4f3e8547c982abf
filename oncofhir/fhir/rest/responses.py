"""What a FHIR server's answer comes to: a result, or a typed error without any of the server's words.

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
_MOST_ISSUES = 5
_TOO_LARGE = 413
# Of OperationOutcome.issue.code; HAPI FHIR answers 413 to a transaction of too many entries.
_SAYS_TOO_LARGE = frozenset({"too-long", "too-costly"})
# OperationOutcome.issue.code, as the status that a server would have given with it.
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
# Said in answer to a read only; a write whose references are not there is rejected.
_STATUS_OF_ABSENCE = {"not-found": 404, "deleted": 410}
_UNPROCESSABLE = 422
_OUTCOME = "OperationOutcome"
_WRONG = frozenset({"fatal", "error"})
_TAG = re.compile(r'(?:W/)?"([^"]+)"')
# http://hl7.org/fhir/R4/valueset-issue-type.html, beside those of `_STATUS_OF_ISSUE`.
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
# Of what we send, or of the Bundle around it.
_TYPES = (
    "Bundle|Task|Condition|Observation|Specimen|BodyStructure|Provenance|Device|DocumentReference"
)
_PATH = re.compile(rf"(?:{_TYPES})(?:\[\d+\])?(?:\.[a-z][A-Za-z]*(?:\[\d+\]|\((?:{_TYPES})?\))?)*")


def error_for_status(
    status: int, where: str, outcome: Any = None, *, retry_after: str = "", reads: bool = False
) -> OncofhirError:
    """The error for a status that is no success; `where` is the server's address.

    That something is not there (404, 410) is an answer to a read only. Elsewhere it says that the
    address is wrong, and so does a redirect: nothing is wrong with the report, so it is tried again.
    """
    said = f"HTTP {status}"
    if reads and status in _ABSENT:
        return UnreadableReport(_ABSENT[status])
    if status in _DENIED:
        return AccessDenied(Reason.STORE_ACCESS_DENIED, where, said)
    if status in _CONFLICT:
        return StoreConflict(Reason.STORE_CONFLICT, where, said)
    if status in _LATER or status >= _SERVER:
        after = retry_after_seconds(retry_after)
        return DependencyUnavailable(Reason.STORE_FAILED, where, said, after)
    if status in _REDIRECTS or status in _ABSENT:
        told = f"{said}: is the address right? Redirects are not followed"
        return DependencyUnavailable(Reason.STORE_FAILED, where, told)
    return _rejected(status, where, outcome)


def _rejected(status: int, where: str, outcome: Any) -> RequestRejected:
    said = f"HTTP {status}"
    if status == _TOO_LARGE or _says_too_large(outcome):
        return RequestRejected(Reason.STORE_TOO_LARGE, where, said)
    return RequestRejected(Reason.STORE_REJECTED, where, f"{said} {issue_summary(outcome)}".strip())


def _says_too_large(outcome: Any) -> bool:
    return any(str(issue.get("code")) in _SAYS_TOO_LARGE for issue in _issues(outcome))


def outcome_error(outcome: Any, where: str, *, reads: bool = False) -> OncofhirError:
    """The error for an OperationOutcome that came with a success's status."""
    status_of_issue = _STATUS_OF_ISSUE | (_STATUS_OF_ABSENCE if reads else {})
    coded = _issues(outcome)
    statuses = [status_of_issue.get(str(i.get("code")), _UNPROCESSABLE) for i in coded]
    return error_for_status(
        statuses[0] if statuses else _UNPROCESSABLE, where, outcome, reads=reads
    )


def require_resource(answer: Any, kind: str, where: str) -> dict[str, Any]:
    """The answer to a read or a search, which is a resource of this type.

    Raises:
        OncofhirError: an OperationOutcome came in its place, with a success's status.
        DependencyUnavailable: so did something else, or no resource at all.
    """
    said = answer.get("resourceType") if isinstance(answer, dict) else None
    if said == kind:
        return dict(answer)
    if said == _OUTCOME:
        raise outcome_error(answer, where, reads=True)
    raise DependencyUnavailable(Reason.STORE_FAILED, where, f"answered without a {kind}")


def write_error(response: httpx2.Response, where: str) -> OncofhirError | None:
    """The error that a success's answer to a create or an update has in its body, if it has one.

    A server may answer so with what went well, too (`Prefer: return=OperationOutcome`): severity tells.
    """
    try:
        answer = response.json()
    except ValueError:  # none, as a rule
        return None
    if not isinstance(answer, dict) or answer.get("resourceType") != _OUTCOME:
        return None
    is_wrong = any(issue.get("severity") in _WRONG for issue in _issues(answer))
    return outcome_error(answer, where) if is_wrong else None


def entry_error(answer: dict[str, Any], sent: int, where: str) -> OncofhirError | None:
    """The first entry of a transaction's response that is no success: a server may put it there.

    A response with fewer entries than were `sent` (R4, http.html#transaction-response: one for each) leaves
    open what was written; the same transaction again finds out.
    """
    answered = answer.get("entry") or []
    for entry in answered:
        response = entry.get("response") or {} if isinstance(entry, dict) else {}
        status = status_of(response)
        if status not in OK:
            return error_for_status(status, where, response.get("outcome"))
    if len(answered) != sent:
        return DependencyUnavailable(
            Reason.STORE_FAILED, where, "a transaction was answered in part"
        )
    return None


def status_of(response: dict[str, Any]) -> int:
    """The number in `Bundle.entry.response.status` ("201 Created"); 500 when there is none."""
    number = str(response.get("status", ""))[:3]
    return int(number) if number.isdigit() else _SERVER


def version_of(response: httpx2.Response) -> str | None:
    """The version that a create or an update came to: of the ETag, else of the resource."""
    tag = _TAG.fullmatch(response.headers.get("etag", "").strip())
    if tag is not None:
        return tag[1]
    try:
        version = response.json()["meta"]["versionId"]
    except (ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, str) else None


def issue_summary(outcome: Any) -> str:
    """Codes and expressions of an OperationOutcome; its diagnostics may quote the report."""
    said = [" ".join(filter(None, (_code(i), *_paths(i)))) for i in _issues(outcome)]
    return "; ".join(said[:_MOST_ISSUES])


def _code(issue: dict[str, Any]) -> str:
    code = str(issue.get("code"))
    return code if code in _CODES or code in _STATUS_OF_ISSUE else "unknown-code"


def _paths(issue: dict[str, Any]) -> list[str]:
    """Expressions that are element paths and nothing else: a server might put a value there."""
    named = issue.get("expression")
    return [p for p in map(str, named) if _PATH.fullmatch(p)] if isinstance(named, list) else []


def _issues(outcome: Any) -> list[dict[str, Any]]:
    found = outcome.get("issue", []) if isinstance(outcome, dict) else []
    return [i for i in found if isinstance(i, dict)] if isinstance(found, list) else []
