"""The reports of the chaos run, and the script of the model that reads them. Seeded: the same each time.

A report is one sentence of findings that differ from version to version, so that the store tells which
version it shows. A document has one to three versions; some end retracted, some lose a finding.
"""

import base64
import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.canary import PLANTED

SIZES_MM = range(10, 60)
TYPES = ("DiagnosticReport", "DiagnosticReport", "DiagnosticReport", "DocumentReference")
_BROKEN = "broken"


@dataclass(frozen=True)
class InputRecord:
    """What is published: `type` says to which topic."""

    type: str
    key: bytes
    value: bytes


def script() -> list[dict[str, Any]]:
    """Rules of the scripted model: each answers what the text says."""
    sizes = [
        {
            "contains": ["What is the tumor size", f"Tumor size: {mm / 10} cm"],
            "answer": f"{mm / 10} cm",
        }
        for mm in SIZES_MM
    ]
    grades = [
        {"contains": ["What is the cancer grade", f"grade {grade}."], "answer": str(grade)}
        for grade in (1, 2, 3)
    ]
    sides = [
        {"contains": ["What is the tumor laterality", f"{side} breast"], "answer": side}
        for side in ("left", "right")
    ]
    diagnosis = {"contains": ["generating the diagnosis"], "answer": "breast cancer"}
    return [*sizes, *grades, *sides, diagnosis]


def input_records(reports: int, broken: int, seed: int) -> list[InputRecord]:
    """`reports` versions of reports and `broken` records among them; a document's versions in order."""
    dice = random.Random(seed)
    slots: list[int | None] = [None] * broken
    document = 0
    while reports:
        versions = min(dice.choice((1, 1, 1, 1, 2, 2, 3)), reports)
        slots += [document] * versions
        reports -= versions
        document += 1
    dice.shuffle(slots)
    last = {number: slots.count(number) for number in set(slots) if number is not None}
    seen: dict[int, int] = {}
    records = []
    breaks = _broken_values()
    for at, slot in enumerate(slots):
        if slot is None:
            records.append(InputRecord(TYPES[0], f"{_BROKEN}-{at}".encode(), next(breaks)))
            continue
        seen[slot] = seen.get(slot, 0) + 1
        retracts = slot % 12 == 5 and 1 < seen[slot] == last[slot]
        records.append(_version(slot, seen[slot], retracts=retracts))
    return records


def sources(records: Iterable[InputRecord]) -> Iterator[dict[str, Any]]:
    """The patients and reports that the records tell of, once each, as a store has them: patients first."""
    whole = {
        record.key: json.loads(record.value) for record in records if not is_broken(record.key)
    }
    for resource in whole.values():
        patient = resource["subject"]["reference"].partition("/")[2]
        yield {"resourceType": "Patient", "id": patient}
    yield from whole.values()


def is_broken(key: bytes | None) -> bool:
    """Whether a record is one of those that must become dead letters; its key says so."""
    return (key or b"").startswith(_BROKEN.encode())


def _version(document: int, version: int, *, retracts: bool) -> InputRecord:
    kind = TYPES[document % len(TYPES)]
    ident = f"chaos-{document}"
    made = hashlib.sha256(f"{document}/{version}".encode()).digest()
    size = SIZES_MM[made[0] % len(SIZES_MM)]
    grade = "" if made[1] % 5 == 0 else f", grade {made[1] % 3 + 1}"
    side = ("Left", "Right")[document % 2]
    text = (
        f"Report {ident}, version {version}, of {PLANTED['name']}.\nFinal diagnosis: {side} ({side.lower()} breast), "
        f"invasive ductal carcinoma{grade}.\nTumor size: {size / 10} cm.\n"
    )
    attachment = {
        "contentType": "text/plain",
        "data": base64.b64encode(text.encode()).decode(),
    }
    resource: dict[str, Any] = {
        "resourceType": kind,
        "id": ident,
        "meta": {
            "versionId": str(version),
            "lastUpdated": f"2026-11-20T10:0{version}:00Z",
        },
        "status": "entered-in-error" if retracts else "final",
        "subject": {"reference": f"Patient/chaos-{document}", "display": PLANTED["name"]},
        "identifier": [{"system": "urn:accession", "value": PLANTED["identifier"]}],
    }
    if kind == "DocumentReference":
        resource["status"] = "entered-in-error" if retracts else "current"
        resource["type"] = {"coding": [{"system": "http://loinc.org", "code": "11526-1"}]}
        resource["content"] = [{"attachment": attachment}]
    else:
        resource["code"] = {"coding": [{"system": "http://loinc.org", "code": "11526-1"}]}
        resource["presentedForm"] = [attachment]
    return InputRecord(kind, f"{kind}/{ident}".encode(), json.dumps(resource).encode())


def _broken_values() -> Iterator[bytes]:
    """Records that no retry makes whole, each another one."""
    whole = _version(0, 1, retracts=False).value
    number = 0
    while True:
        number += 1
        resource = json.loads(whole) | {"id": f"{_BROKEN}-{number}"}
        without_subject = {k: v for k, v in resource.items() if k != "subject"}
        empty = resource | {"presentedForm": [{"contentType": "text/plain", "data": ""}]}
        no_base64 = resource | {"presentedForm": [{"contentType": "text/plain", "data": "%%%"}]}
        yield json.dumps(resource).encode()[: 100 + number]
        yield f"no JSON at all, number {number}".encode()
        yield b"\xff\xfe\x00 number " + str(number).encode()
        yield json.dumps(without_subject).encode()
        yield json.dumps(empty).encode()
        yield json.dumps(no_base64).encode()
