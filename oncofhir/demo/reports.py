"""The invented reports of the demo as FHIR resources."""

import base64
import html
import json
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from oncofhir.schemas.base import Value

PATHOLOGY_CODE = {"code": "11526-1", "display": "Pathology study"}
_ISSUED = "2026-11-20T09:00:00Z"
_IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
_RECORDS = "https://oncofhir.example.org/demo/record-number"


class DemoReport(Value):
    """One entry of `reports.toml`."""

    id: str
    patient: str
    resource: str
    content_type: str
    expect: str
    text: str
    version: str = "1"
    status: str = "final"
    code: str = PATHOLOGY_CODE["code"]
    display: str = PATHOLOGY_CODE["display"]

    def fhir(self) -> dict[str, Any]:
        """The DiagnosticReport or DocumentReference that carries the text."""
        common = {
            "resourceType": self.resource,
            "id": self.id,
            "meta": {
                "versionId": self.version,
                "lastUpdated": f"2026-11-2{self.version}T09:00:00Z",
            },
            "subject": {"reference": f"Patient/{self.patient}"},
        }
        coding = [{"system": "http://loinc.org", "code": self.code, "display": self.display}]
        attachment = {"contentType": self.content_type, "data": self._data()}
        if self.resource == "DocumentReference":
            return common | {
                "status": "current",
                "docStatus": self.status,
                "type": {"coding": coding},
                "date": _ISSUED,
                "content": [{"attachment": attachment}],
            }
        return common | {
            "status": self.status,
            "code": {"coding": coding},
            "effectiveDateTime": "2026-11-18",
            "issued": _ISSUED,
            "presentedForm": [attachment],
        }

    def _data(self) -> str:
        body = self.text.strip()
        if self.content_type == "text/html":
            paragraphs = "".join(
                f"<p>{html.escape(line)}</p>\n" for line in body.splitlines() if line
            )
            body = f"<!DOCTYPE html><html><head><title>Report</title></head><body>{paragraphs}</body></html>"
        return base64.b64encode(body.encode()).decode()


class DemoPatient(Value):
    """A patient of `reports.toml`."""

    id: str
    given: str
    gender: str
    born: str

    def fhir(self) -> dict[str, Any]:
        """The Patient, whose record number is its id in capitals."""
        number = {"coding": [{"system": _IDENTIFIER_TYPES, "code": "MR"}]}
        return {
            "resourceType": "Patient",
            "id": self.id,
            "identifier": [{"type": number, "system": _RECORDS, "value": self.id.upper()}],
            "name": [{"use": "official", "family": "Example", "given": [self.given]}],
            "gender": self.gender,
            "birthDate": self.born,
        }


def demo_reports() -> tuple[DemoReport, ...]:
    """Return the reports in publishing order."""
    return tuple(DemoReport.model_validate(entry) for entry in _entries("report"))


def demo_patients() -> Iterator[dict[str, Any]]:
    """Yield the invented patients of the reports."""
    yield from (DemoPatient.model_validate(entry).fhir() for entry in _entries("patient"))


def _entries(table: str) -> list[dict[str, Any]]:
    text = files("oncofhir.demo").joinpath("reports.toml").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = tomllib.loads(text)[table]
    return found


def broken_record() -> bytes:
    """Return a record that is not JSON: the first half of a report."""
    whole = json.dumps(demo_reports()[0].fhir()).encode()
    return whole[: len(whole) // 2]
