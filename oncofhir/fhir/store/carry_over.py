"""Carries over what other systems added to a stored finding, and decides whether it needs rewriting. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from oncofhir.fhir.source_references import referenced_resource
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head, StoredResource
from oncofhir.schemas.report import Report

_UNPROFILED = "/without-mcode-profile"  # the end of `IdentifierSystems.unprofiled`


def carry_over(
    planned: dict[str, Any], current: dict[str, Any] | None, head: Head | None
) -> dict[str, Any]:
    """Return the planned resource with what the stored one must keep.

    It keeps the first `recordedDate`; identifiers, tags and security labels that other systems added; and,
    after a merge of patients, the patient. A report that names another patient than its version before was
    corrected: then the planned patient counts.
    """
    if current is None:
        return planned
    result = dict(planned)
    if "recordedDate" in planned and "recordedDate" in current:
        result["recordedDate"] = current["recordedDate"]
    result["identifier"] = _with_others(planned["identifier"], current.get("identifier"), "value")
    result["meta"] = _merge_meta(planned["meta"], current.get("meta", {}), head)
    reported = referenced_resource({"reference": head.subject}) if head is not None else None
    was_merged = patient_of(current) not in {None, patient_of(planned)}
    if was_merged and patient_of(planned) == reported:
        name = "patient" if "patient" in planned else "subject"
        result[name] = current[name]
    return result


def is_unchanged(
    resource: dict[str, Any],
    current: dict[str, Any] | None,
    before: StoredResource,
    *,
    relabelled: bool,
) -> bool:
    """Whether the store has the resource already: its clinical content, its patient and its labels.

    Labels are compared only if the report's labels changed (`relabelled`).
    """
    return (
        current is not None
        and fingerprint(resource) == before.fingerprint
        and patient_of(resource) == patient_of(current)
        and not (relabelled and _labels(resource) != _labels(current))
    )


def labels_changed(report: Report, head: Head | None) -> bool:
    """Whether the report has other security labels than its version before.

    The store's labels are not compared: a server may drop labels, or keep those that were removed.
    """
    if head is None:
        return False
    labels = {(label.system, label.code) for label in report.security}
    return labels != _keys(head.security, "code")


def patient_of(resource: Mapping[str, Any]) -> str | None:
    """Return the patient of a resource, in the form of `source_references.referenced_resource`."""
    return referenced_resource(resource.get("subject") or resource.get("patient") or {})


def _labels(resource: Mapping[str, Any]) -> set[tuple[Any, Any]]:
    return _keys(resource.get("meta", {}).get("security"), "code")


def _merge_meta(
    planned: dict[str, Any], current: dict[str, Any], head: Head | None
) -> dict[str, Any]:
    """Add other systems' tags and labels to the planned meta; labels that the report lost are removed."""
    inherited = _keys(head.security if head else (), "code")
    labels = [
        label for label in current.get("security", []) if _key(label, "code") not in inherited
    ]
    tags = [
        tag for tag in current.get("tag", []) if not str(tag.get("system")).endswith(_UNPROFILED)
    ]
    all_tags = _with_others(planned.get("tag", []), tags, "code")
    return {
        **planned,
        "security": _with_others(planned["security"], labels, "code"),
        **({"tag": all_tags} if all_tags else {}),
    }


def _with_others(
    own: list[dict[str, Any]], stored: list[dict[str, Any]] | None, name: str
) -> list[dict[str, Any]]:
    known = _keys(own, name)
    return [*own, *(other for other in stored or [] if _key(other, name) not in known)]


def _keys(elements: Iterable[dict[str, Any]] | None, name: str) -> set[tuple[Any, Any]]:
    return {_key(element, name) for element in elements or ()}


def _key(element: dict[str, Any], name: str) -> tuple[Any, Any]:
    return element.get("system"), element.get(name)
