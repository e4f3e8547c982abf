"""Canaries: strings that stand for PHI. They are planted where PHI comes in, and searched for in all that a run leaves.

A leak is found plain, in any case, quoted for a URL, and in base64 at each alignment.
"""

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote

from oncofhir.demo.run import Record
from tests.builders import (
    BREAST,
    CANARY,
    attachment,
    diagnostic_report,
    document_reference,
    pathology_report,
)

PLANTED: Mapping[str, str] = {
    "name": CANARY,
    "identifier": "MRN-90210-Kestrel",
    "text": "periwinkle-coloured mass",
    "answer": "Thistledown Answer 77",
    "address": "Foxglove-Signature-33",
    "header": "Hollyhock-Header-5",
}
TEXT = BREAST.replace("a breast mass", f"a {PLANTED['text']}")
_PATIENT = {
    "reference": "Patient/p1",
    "display": PLANTED["name"],
    "identifier": {"system": "urn:mrn", "value": PLANTED["identifier"]},
}
_NAMED = {
    "subject": _PATIENT,
    "identifier": [{"system": "urn:accession", "value": PLANTED["identifier"]}],
}
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "gender": "female",
    "name": [{"text": PLANTED["name"]}],
    "identifier": [{"system": "urn:mrn", "value": PLANTED["identifier"]}],
}


def planted_records() -> list[Record]:
    """Records that take every way through the worker: found, amended, skipped, retracted, and dead letters of many kinds."""
    good = pathology_report("canary-1", TEXT) | _NAMED
    amended = pathology_report("canary-1", TEXT.replace("2.3 x", "2.4 x"), version="2") | _NAMED
    skipped = pathology_report("canary-2", TEXT, status="preliminary") | _NAMED
    withdrawn = pathology_report("canary-3", TEXT, status="entered-in-error") | _NAMED
    address = f"https://files.example/{PLANTED['identifier']}?sig={PLANTED['address']}"
    broken = [
        diagnostic_report("canary-4", attachment(TEXT) | {"data": f"%{PLANTED['name']}%"}, **_NAMED),
        diagnostic_report("canary-5", {"contentType": "text/plain", "url": address}, **_NAMED),
        diagnostic_report("canary-6", attachment(TEXT, f"text/{PLANTED['name']}"), **_NAMED),
        diagnostic_report("canary-7", attachment(b"%PDF-1.7 " + TEXT.encode(), "application/pdf"), **_NAMED),
        diagnostic_report("canary-8", attachment(TEXT), **_NAMED) | {"subject": {"display": PLANTED["name"]}},
        diagnostic_report("canary-9", attachment(TEXT), **_NAMED) | {"status": PLANTED["name"]},
        document_reference("canary-10", attachment(TEXT), **_NAMED) | {"docStatus": PLANTED["name"], "content": PLANTED["name"]},
    ]  # fmt: skip
    resources = [good, amended, skipped, withdrawn, *broken]
    raw = json.dumps(good).encode()
    return [
        *(Record(raw=json.dumps(each).encode(), resource=each) for each in resources),
        Record(raw=raw[: len(raw) // 2]),
        Record(raw=f'"{PLANTED["name"]}"'.encode()),
        Record(raw=f"{PLANTED['identifier']} is no JSON".encode()),
        Record(raw=f'{{"resourceType": "{PLANTED["name"]}"}}'.encode()),
    ]


def script(rules: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rules of a scripted model, of which two answers hold a canary that the report does not."""
    answers = {"tumor site": f"breast of {PLANTED['answer']}", "cancer grade": PLANTED["answer"]}
    return [*({"contains": [q], "answer": a} for q, a in answers.items()), *rules]


def leaks(content: bytes | str) -> list[str]:
    """Which canaries a content holds, in any of their forms."""
    raw = content.encode() if isinstance(content, str) else content
    lowered = raw.lower()
    return [
        kind
        for kind, canary in PLANTED.items()
        if any(form.lower() in lowered for form in _plain(canary))
        or any(form in raw for form in _base64(canary))
    ]


def _plain(canary: str) -> set[bytes]:
    return {canary.encode(), quote(canary).encode(), canary.replace(" ", "+").encode()}


def _base64(canary: str) -> set[bytes]:
    """The characters of base64 that depend on the canary alone, for each alignment of its first byte."""
    forms = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + canary.encode())
        start, end = (0, 2, 3)[before], -4 if encoded.endswith(b"=") else None
        forms.add(encoded[start:end])
    return forms
