"""What a FHIR server holds, read by plain searches; nothing of oncofhir's is used."""

import json
import ssl
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

_DERIVED = "http://hl7.org/fhir/StructureDefinition/derivation-reference"
_SIZE = "21889-1"
_GRADE = "C18000"
_PAGE = 500


@dataclass
class Shown:
    """What the store shows of one report: values that stand by kind, and how many do not stand."""

    standing: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    withdrawn: int = 0


class FhirStore:
    """A FHIR server's content over HTTP. Raises httpx2.HTTPError when it does not answer."""

    def __init__(self, base_url: str, *, verify: ssl.SSLContext | bool = True) -> None:
        self._base = base_url
        # HAPI answers from a search of the last minute unless it is told not to.
        headers = {"Cache-Control": "no-cache"}
        self._http = httpx2.Client(timeout=60.0, trust_env=False, headers=headers, verify=verify)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def all_of(self, kind: str) -> Iterator[dict[str, Any]]:
        """Every resource of a type, over all pages."""
        url = f"{self._base}/{kind}?_count={_PAGE}"
        while url:
            bundle = self._http.get(url).raise_for_status().json()
            for entry in bundle.get("entry", ()):
                if entry["resource"]["resourceType"] == kind:
                    yield entry["resource"]
            links = {link["relation"]: link["url"] for link in bundle.get("link", ())}
            url = links.get("next", "")

    def versions_of(self, reference: str) -> list[dict[str, Any]]:
        """The versions of a resource, the oldest first."""
        bundle = self._http.get(f"{self._base}/{reference}/_history?_count={_PAGE}")
        found = [entry["resource"] for entry in bundle.raise_for_status().json().get("entry", ())]
        return sorted(found, key=lambda resource: int(resource["meta"]["versionId"]))

    def hold(self, resources: Iterable[dict[str, Any]]) -> None:
        """Put resources that findings refer to, as an EHR's store has them (HAPI checks references)."""
        entries = [
            {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
            for r in resources
        ]
        for at in range(0, len(entries), _PAGE):
            part = {"resourceType": "Bundle", "type": "batch", "entry": entries[at : at + _PAGE]}
            self._http.post(self._base, json=part).raise_for_status()

    def delete(self, reference: str) -> None:
        """Take a resource away, as nothing of oncofhir's ever does."""
        self._http.delete(f"{self._base}/{reference}").raise_for_status()


def shown_by_report(resources: Iterator[dict[str, Any]]) -> dict[str, Shown]:
    """Conditions and Observations by the report that they cite."""
    found: dict[str, Shown] = defaultdict(Shown)
    for resource in resources:
        shown = found[cited(resource)]
        if _is_withdrawn(resource):
            shown.withdrawn += 1
            continue
        kind, value = _said(resource)
        shown.standing[kind].append(value)
    return found


def cited(resource: dict[str, Any]) -> str:
    """The report that a finding cites, by its derivation-reference."""
    for extension in resource.get("extension", ()):
        if extension["url"] == _DERIVED:
            for part in extension["extension"]:
                if part["url"] == "reference":
                    return str(part["valueReference"]["reference"])
    return ""


def _is_withdrawn(resource: dict[str, Any]) -> bool:
    if resource["resourceType"] == "Observation":
        return bool(resource["status"] == "entered-in-error")
    codings = resource.get("verificationStatus", {}).get("coding", ())
    return "entered-in-error" in [coding["code"] for coding in codings]


def _said(resource: dict[str, Any]) -> tuple[str, str]:
    """Kind and value of a finding: the size's in mm, else its text."""
    if resource["resourceType"] == "Condition":
        return "diagnosis", resource["code"]["text"]
    codes = [coding.get("code") for coding in resource["code"].get("coding", ())]
    if _SIZE in codes:
        return "size", f"{resource['component'][0]['valueQuantity']['value']:g}"
    value = resource.get("valueCodeableConcept", {})
    said = value.get("text", "")
    return ("grade" if _GRADE in codes else "other"), said


def head_version(task: dict[str, Any]) -> int:
    """The version of the report that a head has last dealt with; 0 for none."""
    for output in task.get("output", ()):
        if output["type"].get("text") == "state":
            return int(json.loads(output["valueString"])["at"]["version"] or 0)
    return 0
