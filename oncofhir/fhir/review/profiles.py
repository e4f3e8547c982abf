"""Profile and code of a resource whose value a human corrected: they depend on the value. Pure.

Source: mCODE 4.0.0 (`mapping.conditions`, `mapping.observations`): the binding of a TNM value is required,
and the profile of a Condition follows from the behaviour of the neoplasm.
"""

from oncofhir.fhir import codes
from oncofhir.fhir.mapping.lesions import behaviour_of
from oncofhir.fhir.review.elements import Resource
from oncofhir.schemas.finding import Finding, Kind
from oncofhir.schemas.lesion import Behaviour
from oncofhir.schemas.outcome import PhenotypeRow
from oncofhir.schemas.review import ReviewedValue

_CATEGORIES = ("t", "n", "m")


def with_fitting_profile(resource: Resource, row: PhenotypeRow, new: ReviewedValue) -> Resource:
    """Return the resource with the profile, and for a TNM category the code, that fit the new value."""
    if row.kind is Kind.DIAGNOSIS:
        return _with_profile(resource, _condition_profile(new))
    if row.kind is not Kind.CANCER_STAGE or row.slot is None:
        return resource
    profile: str | None = _profile(resource)
    if not new.codings and profile == codes.STAGE_PROFILES[row.slot]:
        profile = codes.STAGE_PROFILE if row.slot == "group" else None
    if row.slot in _CATEGORIES:
        resource = resource | {"code": codes.stage_code(row.slot, new.value)}
    return _with_profile(resource, profile)


def _condition_profile(new: ReviewedValue) -> str:
    diagnosis = Finding(
        kind=Kind.DIAGNOSIS, value=new.value, raw=new.value, codings=new.codings, evidence=()
    )
    behaviour = behaviour_of(diagnosis, None)
    if behaviour is Behaviour.METASTATIC:
        return codes.MCODE + "mcode-secondary-cancer-condition"
    if behaviour in {Behaviour.IN_SITU, Behaviour.INVASIVE}:
        return codes.MCODE + "mcode-primary-cancer-condition"
    return codes.US_CORE_CONDITION


def _profile(resource: Resource) -> str | None:
    profiles = resource.get("meta", {}).get("profile", ())
    return next(iter(profiles), None)


def _with_profile(resource: Resource, profile: str | None) -> Resource:
    meta = {k: v for k, v in resource.get("meta", {}).items() if k != "profile"}
    return resource | {"meta": ({"profile": [profile]} if profile else {}) | meta}
