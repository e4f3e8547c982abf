"""Users and what their role lets them do."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from oncofhir.schemas.base import Value
from oncofhir.settings import ReviewSettings

LOCAL_ISSUER = "urn:oncofhir:local"


class Role(StrEnum):
    """What a user may do; each value is a word of ONCOFHIR_REVIEW__SMART_ROLE."""

    REVIEWER = "reviewer"
    LEAD = "lead"
    AUDITOR = "auditor"

    @property
    def may_decide(self) -> bool:
        return self is not Role.AUDITOR

    @property
    def may_compare_reviewers(self) -> bool:
        return self is not Role.REVIEWER


class User(Value):
    """A user of the page. `issuer` and `subject` identify them (OpenID Connect Core 1.0, section 5.7).

    `reference` is their resource in the EHR, `Practitioner/1`, if the login names it (claim `fhirUser`).
    """

    issuer: str
    subject: str
    name: str
    role: Role
    reference: str | None = None

    @property
    def key(self) -> str:
        """One string for issuer and subject."""
        return f"{self.issuer} {self.subject}"


def local_user(settings: ReviewSettings) -> User:
    """The user of single-user mode, who may do everything."""
    name = settings.local_reviewer
    return User(issuer=LOCAL_ISSUER, subject=name, name=name, role=Role.LEAD)


def role_of(claims: Mapping[str, Any], settings: ReviewSettings) -> Role | None:
    """The role that a login's claims give; of several, the one that may do most. None: no access."""
    found = set(_values_at(claims, settings.role_claim.split(".")))
    # A lead may do what a reviewer may; somebody who decides is no mere auditor.
    for value, role in (
        (settings.lead_role, Role.LEAD),
        (settings.reviewer_role, Role.REVIEWER),
        (settings.auditor_role, Role.AUDITOR),
    ):
        if value in found:
            return role
    return None


def user_of(
    claims: Mapping[str, Any], issuer: str, settings: ReviewSettings, default: Role | None = None
) -> User | None:
    """The user whom validated claims of an ID token describe; None without a role or a subject."""
    role = role_of(claims, settings) or default
    subject = claims.get("sub")
    if role is None or not isinstance(subject, str) or not subject:
        return None
    names = (claims.get(name) for name in ("name", "preferred_username", "email"))
    name = next((n for n in names if isinstance(n, str) and n.strip()), subject)
    reference = claims.get("fhirUser")
    return User(
        issuer=issuer,
        subject=subject,
        name=name,
        role=role,
        reference=reference if isinstance(reference, str) and reference else None,
    )


def _values_at(claims: Any, path: Iterable[str]) -> list[str]:
    for name in path:
        claims = claims.get(name) if isinstance(claims, Mapping) else None
    if isinstance(claims, str):
        return claims.split()
    return [v for v in claims if isinstance(v, str)] if isinstance(claims, list | tuple) else []
