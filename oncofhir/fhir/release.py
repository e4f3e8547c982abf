"""The FHIR release of a report, as far as the report shows it, and whether that release is supported.

R4, R4B and R5 are supported: the elements that intake needs are the same in them, or are read in both
forms. DSTU2 and STU3 name and shape these elements differently, and R6 is not published. Reading them as R4
would silently lose encounter, times or coded conclusions, so they become dead letters that name the release.
Evidence of a release, in this order:

1. the `fhirVersion` parameter of a content type (http://hl7.org/fhir/R4/versioning.html#mt-version);
2. a profile of FHIR itself that names one, such as `…/fhir/3.0/StructureDefinition/…` or `…|3.0.2`;
3. elements that an earlier release has and R4 does not, without their R4 successors (sources:
   the lists of changes of http://hl7.org/fhir/R4/documentreference.html and diagnosticreport.html, and
   the same pages of DSTU2 and STU3).

A report that shows no release is read as R4.
"""

import re
from collections.abc import Mapping
from typing import Any

from oncofhir.schemas.reasons import Reason

_PARAMETER = re.compile(r";\s*fhirVersion\s*=\s*\"?(\d{1,2}\.\d{1,2})", re.IGNORECASE)
_PROFILE = re.compile(
    r"http://hl7\.org/fhir/(?:(?P<path>\d\.\d)/)?StructureDefinition/\w+(?:\|(?P<tail>\d\.\d).*)?"
)
_R4_MAJOR, _R5_MAJOR = 4, 5


def unsupported_by_content_type(content_type: str | None) -> Reason | None:
    """Return the reason to refuse content whose type declares an unsupported release; None if supported."""
    match = _PARAMETER.search(content_type or "")
    return None if match is None else _of_version(match[1])


def unsupported_release(resource: Mapping[str, Any]) -> Reason | None:
    """Return the reason to refuse a report that shows an unsupported release; None if supported."""
    meta = resource.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    for profile in profiles if isinstance(profiles, list) else ():
        match = _PROFILE.fullmatch(profile) if isinstance(profile, str) else None
        version = (match["path"] or match["tail"]) if match is not None else None
        if version is not None:
            return _of_version(version)
    if resource.get("resourceType") == "DocumentReference":
        return _of_document(resource)
    return _of_diagnostic_report(resource)


def _of_version(version: str) -> Reason | None:
    major = int(version.partition(".")[0])
    if major in {_R4_MAJOR, _R5_MAJOR}:
        return None
    if major > _R5_MAJOR:
        return Reason.FHIR_R6
    return Reason.FHIR_STU3 if major == _R4_MAJOR - 1 else Reason.FHIR_DSTU2


def _of_document(resource: Mapping[str, Any]) -> Reason | None:
    """Judge a DocumentReference: until STU3 it had `indexed`; in DSTU2 also a coded docStatus and formats."""
    if isinstance(resource.get("docStatus"), dict):
        return Reason.FHIR_DSTU2
    if "indexed" not in resource or "date" in resource:
        return None
    contents = resource.get("content")
    several = any(
        isinstance(content, dict) and isinstance(content.get("format"), list)
        for content in (contents if isinstance(contents, list) else ())
    )
    return Reason.FHIR_DSTU2 if several else Reason.FHIR_STU3


def _of_diagnostic_report(resource: Mapping[str, Any]) -> Reason | None:
    """Judge a DiagnosticReport: DSTU2 had one performer and `request`; STU3 `actor` and `context`."""
    performer = resource.get("performer")
    if isinstance(performer, dict) or ("request" in resource and "basedOn" not in resource):
        return Reason.FHIR_DSTU2
    has_actors = isinstance(performer, list) and any(
        isinstance(each, dict) and "actor" in each for each in performer
    )
    was_renamed = any(
        old in resource and new not in resource
        for old, new in (
            ("context", "encounter"),
            ("codedDiagnosis", "conclusionCode"),
            ("image", "media"),
        )
    )
    return Reason.FHIR_STU3 if has_actors or was_renamed else None
