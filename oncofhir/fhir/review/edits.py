"""What a human said of findings with another FHIR client, read from the resource. Pure.

Sources: R4 condition-ver-status, observation-status and specimen-status.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from oncofhir.fhir import codes
from oncofhir.fhir.elements import instant
from oncofhir.fhir.review.elements import says_same, value_in
from oncofhir.schemas.base import Value
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus
from oncofhir.schemas.review import ReviewedValue

_CONFIRMED, _REFUTED = ReviewStatus.CONFIRMED, ReviewStatus.REFUTED
_IN_ERROR = ReviewStatus.ENTERED_IN_ERROR
_BY_STATUS = {
    "Condition": {"confirmed": _CONFIRMED, "refuted": _REFUTED, "entered-in-error": _IN_ERROR},
    "Observation": {
        "final": _CONFIRMED,
        "amended": _CONFIRMED,
        "corrected": _CONFIRMED,
        "cancelled": _REFUTED,
        "entered-in-error": _IN_ERROR,
    },
    "Specimen": {"entered-in-error": _IN_ERROR},
}
_HUMAN = ("Practitioner/", "PractitionerRole/", "Patient/", "RelatedPerson/")


class ReadEdit(Value):
    """What an edited resource says of one finding. UNREVIEWED: the edit is no verdict on it."""

    status: ReviewStatus
    value: ReviewedValue | None = None


class Author(Value):
    """Who edited, as a reference or `system|value`, their name, and when; None where it is not known."""

    reviewer: str | None = None
    display: str | None = None
    at: datetime | None = None


def read_edit(resource: Mapping[str, Any] | None, row: PhenotypeRow) -> ReadEdit:
    """Read what a human's edit says of the finding `row`. None is a deleted resource.

    A resource whose status says that it is wrong, is wrong in all that it holds. Otherwise another value is
    a correction, also if the status was left, and the same value is confirmed if the status says so. A value
    that is missing was refuted.
    """
    if resource is None:
        return ReadEdit(status=ReviewStatus.DELETED)
    stated = status_of_review(resource)
    if stated in {_REFUTED, _IN_ERROR}:
        return ReadEdit(status=stated)
    value = value_in(resource, row)
    if value is None:
        return ReadEdit(status=_REFUTED)
    if not says_same(value, row):
        return ReadEdit(status=ReviewStatus.CORRECTED, value=value)
    if stated is _CONFIRMED:
        return ReadEdit(status=_CONFIRMED, value=machine_value(row))
    return ReadEdit(status=ReviewStatus.UNREVIEWED)


def machine_value(row: PhenotypeRow) -> ReviewedValue:
    """Return the value of a row."""
    return ReviewedValue(value=row.value, number=row.number, unit=row.unit, codings=row.codings)


def status_of_review(resource: Mapping[str, Any]) -> ReviewStatus | None:
    """Return what the status of a resource says of a review; None if it says nothing."""
    kind = resource["resourceType"]
    if kind == "BodyStructure":
        return _REFUTED if resource.get("active") is False else None
    return _BY_STATUS.get(kind, {}).get(resource_status(resource) or "")


def resource_status(resource: Mapping[str, Any]) -> str | None:
    """Return `status`, or the code of a Condition's verificationStatus."""
    if resource["resourceType"] != "Condition":
        status = resource.get("status")
        return status if isinstance(status, str) else None
    codings = (resource.get("verificationStatus") or {}).get("coding") or ()
    own = (c.get("code") for c in codings if c.get("system") == codes.VERIFICATION_STATUS)
    return next(own, None)


def author_of(
    resource: Mapping[str, Any] | None,
    provenances: Sequence[Mapping[str, Any]],
    after: datetime,
    known: str | None = None,
) -> Author:
    """Return who edited a resource: the agent of its newest Provenance after `after`, else its asserter.

    Only people count: a device is the machine itself or another program. The time is the Provenance's, else
    `meta.lastUpdated`. `known` is the reviewer whose word is known: the resource may still name them where
    another one edited it.
    """
    found: list[Author] = []
    for provenance in provenances:
        at = instant(provenance.get("recorded"))
        if at is None or at <= after:
            continue
        agents = [agent.get("who") for agent in provenance.get("agent", ())]
        found += [_author(agent, at) for agent in agents if who(agent) is not None]
    if found:
        return max(found, key=lambda author: (author.at, author.reviewer))
    if resource is None:
        return Author()
    stated = [resource.get("asserter"), resource.get("recorder"), *resource.get("performer", ())]
    people = [element for element in stated if who(element) not in {None, known}]
    return _author(next(iter(people), None), instant(resource.get("meta", {}).get("lastUpdated")))


def _author(element: Any, at: datetime | None) -> Author:
    """The human that a Reference names."""
    display = element.get("display") if isinstance(element, dict) else None
    return Author(
        reviewer=who(element), display=display if isinstance(display, str) else None, at=at
    )


def who(element: Any) -> str | None:
    """Return a human that a Reference names: the reference, else `system|value`; None for others."""
    if not isinstance(element, dict):
        return None
    named = element.get("reference")
    if isinstance(named, str):
        return named if any(kind in named for kind in _HUMAN) else None
    identifier = element.get("identifier") or {}
    is_human = f"{element.get('type', 'Practitioner')}/" in _HUMAN
    if is_human and identifier.get("value"):
        return f"{identifier.get('system', '')}|{identifier['value']}"
    return None
