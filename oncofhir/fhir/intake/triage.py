"""Triage: decides whether a report is read, skipped with a reason, or withdraws its findings.

All rules are data (`triage.toml`, reviewable by a clinician); this module only applies them.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError, field_validator

from oncofhir.fhir.elements import Element, child, children, codings, string
from oncofhir.fhir.release import unsupported_release
from oncofhir.schemas.base import Value
from oncofhir.schemas.error_messages.validation import plain_messages
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import REPORT_TYPES
from oncofhir.schemas.finding import Coding
from oncofhir.schemas.reasons import Disposition, Reason

PROCESS = "process"
# http://hl7.org/fhir/R4/diagnosticreport-profiles.html (extensions); the latter is for any resource.
_REPLACES = frozenset(
    {
        "http://hl7.org/fhir/StructureDefinition/diagnosticReport-replaces",
        "http://hl7.org/fhir/StructureDefinition/replaces",
    }
)


@dataclass(frozen=True)
class Process:
    """Read the report.

    `replaces` are the references of the reports that it replaces. `is_oncology` states that its type or
    category belongs to oncology or pathology, so that its text need not show it.
    """

    replaces: tuple[str, ...] = ()
    is_oncology: bool = False


@dataclass(frozen=True)
class Skip:
    """Do not read the report, for this reason."""

    reason: Reason


@dataclass(frozen=True)
class Retract:
    """Withdraw the findings of the report, for this reason."""

    reason: Reason


class TriagePolicy(Value):
    """The rules of `triage.toml` and the settings.

    A status maps to "process" or to a reason. Codes are `system|code`, or a bare code for any system.
    `oncology_words` are stems of the names of types and categories. `languages` are those that the
    model of the site reads (ISO 639-1); none means every language.
    """

    version: str
    status: dict[str, dict[str, str]]
    doc_status: dict[str, str]
    relates_to: dict[str, str]
    machine_asserted: frozenset[str]
    skip_security_labels: frozenset[str]
    oncology_types: frozenset[str]
    oncology_categories: frozenset[str]
    oncology_words: tuple[str, ...]
    excluded_types: frozenset[str]
    excluded_categories: frozenset[str]
    trigger_stems: tuple[str, ...]
    trigger_words: tuple[str, ...]
    require_cancer: bool
    languages: frozenset[str] = frozenset()

    @field_validator("status")
    @classmethod
    def _known_statuses(cls, actions: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        return {kind: cls._known(of_kind) for kind, of_kind in actions.items()}

    @field_validator("doc_status", "relates_to")
    @classmethod
    def _known(cls, actions: dict[str, str]) -> dict[str, str]:
        for action in actions.values():
            if action != PROCESS:
                Reason(action)
        return actions

    @cached_property
    def trigger(self) -> re.Pattern[str]:
        """The pattern of words that point to oncology."""
        stems = "|".join(map(re.escape, self.trigger_stems))
        words = "|".join(map(re.escape, self.trigger_words))
        return re.compile(rf"{stems}|\b(?:{words})\b", re.IGNORECASE)


def load_policy(
    *,
    skip_security_labels: Iterable[str] = (),
    require_cancer: bool = True,
    languages: Iterable[str] = (),
    file: Path | None = None,
) -> TriagePolicy:
    """Load the policy from `file`, or the one of the package, with the labels of the site.

    Raises:
        ValueError: the file cannot be read, or an entry is missing or invalid; the message says which.
    """
    default = files("oncofhir.fhir.intake").joinpath("triage.toml")
    try:
        data = tomllib.loads((file or default).read_text(encoding="utf-8"))
        policy = _policy(data, skip_security_labels, require_cancer=require_cancer)
    except OSError as error:
        raise ValueError(error.strerror) from error
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not valid TOML: {error}") from error
    except KeyError as error:
        raise ValueError(f"the entry {error.args[0]} is missing") from error
    except (TypeError, AttributeError) as error:
        raise ValueError("an entry that must be a table or a list has another value") from error
    except ValidationError as error:
        raise ValueError("; ".join(plain_messages(error))) from error
    return policy.model_copy(update={"languages": frozenset(languages)})


def _policy(
    data: dict[str, Any], skip_security_labels: Iterable[str], *, require_cancer: bool
) -> TriagePolicy:
    return TriagePolicy(
        version=data["version"],
        status=data["status"],
        doc_status=data["doc_status"],
        relates_to=data["relates_to"],
        machine_asserted=frozenset(data["security"]["machine_asserted"]),
        skip_security_labels=frozenset(skip_security_labels),
        oncology_types=frozenset(data["oncology"]["types"]),
        oncology_categories=frozenset(data["oncology"]["categories"]),
        oncology_words=tuple(data["oncology"]["words"]),
        excluded_types=frozenset(data["excluded"]["types"]),
        excluded_categories=frozenset(data["excluded"]["categories"]),
        trigger_stems=tuple(data["triggers"]["stems"]),
        trigger_words=tuple(data["triggers"]["words"]),
        require_cancer=require_cancer,
    )


def triage(resource: Mapping[str, Any], policy: TriagePolicy) -> Process | Skip | Retract:
    """Decide by the resource alone, before any of its text is fetched or read.

    Order: withdrawal (which reads nothing), security labels, the FHIR release, whether the report is final.

    Raises:
        UnreadableReport: unsupported-resource-type, missing-status, invalid-resource, fhir-dstu2,
            fhir-stu3, fhir-r6, and reasons of the policy whose disposition is the dead letter
            (status-unknown).
    """
    kind = resource.get("resourceType")
    if kind not in REPORT_TYPES or not isinstance(kind, str):
        raise UnreadableReport(Reason.UNSUPPORTED_RESOURCE_TYPE)
    verdicts = list(_by_status(resource, kind, policy))
    retract = next((v for v in verdicts if v.disposition is Disposition.RETRACT), None)
    if retract is not None:
        return Retract(retract)
    reason = _by_labels(resource, kind, policy) or unsupported_release(resource)
    reason = reason or next(iter(verdicts), None)
    if reason is None:
        reason = _by_relations(resource, kind, policy) or _by_codes(resource, kind, policy)
    if reason is None:
        replaces = tuple(_replaced(resource, kind))
        return Process(replaces, is_oncology=_is_oncology(resource, kind, policy))
    if reason.disposition is Disposition.DEAD_LETTER:
        raise UnreadableReport(reason, kind)
    return Skip(reason)


def _is_oncology(resource: Element, kind: str, policy: TriagePolicy) -> bool:
    types, categories = report_types(resource), report_categories(resource)
    if _any_of(types, policy.oncology_types) or _any_of(categories, policy.oncology_categories):
        return True
    texts = [
        string(concept, "text", at) or ""
        for name in ("category", "code" if kind == "DiagnosticReport" else "type")
        for at, concept in children(resource, name, kind)
    ]
    named = " | ".join([*texts, *(c.display or "" for c in (*types, *categories))]).lower()
    return any(word in named for word in policy.oncology_words)


def _by_status(resource: Element, kind: str, policy: TriagePolicy) -> Iterable[Reason]:
    status = string(resource, "status", kind)
    if status is None:
        yield Reason.MISSING_STATUS
    elif (reason := _reason(policy.status.get(kind, {}), status)) is not None:
        yield reason
    if kind != "DocumentReference" or isinstance(resource.get("docStatus"), dict):
        return  # a coded docStatus is DSTU2's
    doc_status = string(resource, "docStatus", kind)
    if doc_status is not None and (reason := _reason(policy.doc_status, doc_status)) is not None:
        yield reason


def _reason(actions: Mapping[str, str], status: str) -> Reason | None:
    action = actions.get(status, Reason.STATUS_UNKNOWN.value)
    return None if action == PROCESS else Reason(action)


def _by_labels(resource: Element, kind: str, policy: TriagePolicy) -> Reason | None:
    meta = child(resource, "meta", kind)
    if meta is None:
        return None
    labels = [
        Coding(system=string(label, "system", at) or "", code=code)
        for at, label in children(meta, "security", f"{kind}.meta")
        if (code := string(label, "code", at)) is not None
    ]
    if _any_of(labels, policy.machine_asserted):
        return Reason.MACHINE_ASSERTED
    return Reason.RESTRICTED if _any_of(labels, policy.skip_security_labels) else None


def _by_relations(resource: Element, kind: str, policy: TriagePolicy) -> Reason | None:
    for code, action in policy.relates_to.items():
        if action != PROCESS and any(True for _ in _relations(resource, kind, code)):
            return Reason(action)
    return None


def _by_codes(resource: Element, kind: str, policy: TriagePolicy) -> Reason | None:
    types, categories = report_types(resource), report_categories(resource)
    excluded = _any_of(types, policy.excluded_types) or _any_of(
        categories, policy.excluded_categories
    )
    return Reason.NOT_ONCOLOGY if excluded and kind else None


def _relations(resource: Element, kind: str, code: str) -> Iterable[tuple[str, Element]]:
    """Yield the relatesTo entries of this code: a code in R4, a CodeableConcept in R5."""
    if kind != "DocumentReference":
        return
    for at, relation in children(resource, "relatesTo", kind):
        stated = relation.get("code")
        codes = (
            {coding.code for coding in codings(relation, "code", at)}
            if isinstance(stated, dict)
            else {string(relation, "code", at)}
        )
        if code in codes:
            yield at, relation


def _replaced(resource: Element, kind: str) -> Iterable[str]:
    """Yield the references of the reports that this one replaces: by `relatesTo` or by an extension."""
    for at, relation in _relations(resource, kind, "replaces"):
        yield from _reference(child(relation, "target", at), f"{at}.target")
    for at, extension in children(resource, "extension", kind):
        if extension.get("url") in _REPLACES:
            yield from _reference(child(extension, "valueReference", at), f"{at}.valueReference")


def _reference(element: Element | None, path: str) -> Iterable[str]:
    reference = string(element, "reference", path) if element else None
    if reference is not None:
        yield reference


def report_types(resource: Element) -> tuple[Coding, ...]:
    """Return the type of a report: `DiagnosticReport.code` or `DocumentReference.type`."""
    kind = str(resource.get("resourceType"))
    return codings(resource, "code" if kind == "DiagnosticReport" else "type", kind)


def report_categories(resource: Element) -> tuple[Coding, ...]:
    """Return the codings of the categories of a report."""
    return codings(resource, "category", str(resource.get("resourceType")))


def _any_of(stated: Iterable[Coding], listed: frozenset[str]) -> bool:
    return any(c.code in listed or f"{c.system}|{c.code}" in listed for c in stated)
