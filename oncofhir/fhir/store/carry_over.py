"""What a stored finding knows better than a run that would write it again, and whether it must. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from oncofhir.fhir.source_references import referenced_resource
from oncofhir.fhir.store.head import Head, StoredResource
from oncofhir.schemas.report import Report

_UNPROFILED = "/without-mcode-profile"  # of `IdentifierSystems.unprofiled`


def followed(
    planned: dict[str, Any], current: dict[str, Any] | None, head: Head | None
) -> dict[str, Any]:
    """The planned resource with what the stored one knows better.

    That is when it was first recorded; what others put on it that is no clinical edit: identifiers, tags,
    security labels; and, after a merge of patients, whose it is. But a report that now names another
    patient than before was corrected, and counts.
    """
    if current is None:
        return planned
    result = dict(planned)
    if "recordedDate" in planned and "recordedDate" in current:
        result["recordedDate"] = current["recordedDate"]
    result["identifier"] = _with_others(planned["identifier"], current.get("identifier"), "value")
    result["meta"] = _meta(planned["meta"], current.get("meta", {}), head)
    reported = referenced_resource({"reference": head.subject}) if head is not None else None
    was_merged = patient_of(current) not in {None, patient_of(planned)}
    if was_merged and patient_of(planned) == reported:
        name = "patient" if "patient" in planned else "subject"
        result[name] = current[name]
    return result


def is_same(
    resource: dict[str, Any],
    current: dict[str, Any] | None,
    mark: str,
    before: StoredResource,
    *,
    relabelled: bool,
) -> bool:
    """Whether the store has it already: the clinical content (`mark`), the patient, and new labels."""
    return (
        current is not None
        and mark == before.fingerprint
        and patient_of(resource) == patient_of(current)
        and not (relabelled and _labels(resource) != _labels(current))
    )


def is_relabelled(report: Report, head: Head | None) -> bool:
    """Whether the report has other security labels than the version before.

    The store's are not asked: a server may drop labels, or keep those that are taken away.
    """
    if head is None:
        return False
    labels = {(label.system, label.code) for label in report.security}
    return labels != _keys(head.security, "code")


def _labels(resource: Mapping[str, Any]) -> set[tuple[Any, Any]]:
    return _keys(resource.get("meta", {}).get("security"), "code")


def patient_of(resource: Mapping[str, Any]) -> str | None:
    """Whose it is, in the form of `named`."""
    return referenced_resource(resource.get("subject") or resource.get("patient") or {})


def _meta(planned: dict[str, Any], current: dict[str, Any], head: Head | None) -> dict[str, Any]:
    """The planned meta with the tags and labels of others; what the report had and has not any more goes."""
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
    own: list[dict[str, Any]], there: list[dict[str, Any]] | None, name: str
) -> list[dict[str, Any]]:
    known = _keys(own, name)
    return [*own, *(other for other in there or [] if _key(other, name) not in known)]


def _keys(elements: Iterable[dict[str, Any]] | None, name: str) -> set[tuple[Any, Any]]:
    return {_key(element, name) for element in elements or ()}


def _key(element: dict[str, Any], name: str) -> tuple[Any, Any]:
    return element.get("system"), element.get(name)
