"""Attachments whose content HAPI FHIR stores outside of the resource are fetched from where they are."""

import asyncio
import base64

import httpx2
import pytest

from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.read_report import read_report
from oncofhir.fhir.intake.source_reader import SourceReader
from oncofhir.fhir.rest.client import FhirClient
from tests.hapi_fhir.server import HapiFhirServer

TEXTS = ("FINAL DIAGNOSIS: Carcinoma, 14 mm.", "ADDENDUM: HER2 is positive (3+).")


@pytest.fixture(scope="module")
def base():
    with HapiFhirServer(binaries=True) as server:
        yield server.base_url


def attachment(text):
    data = text.encode()
    return {"contentType": "text/plain", "size": len(data), "data": base64.b64encode(data).decode()}


RESOURCES = {
    "DiagnosticReport": {
        "status": "final",
        "code": {"text": "Pathology report"},
        "presentedForm": [attachment(text) for text in TEXTS],
    },
    "DocumentReference": {
        "status": "current",
        "content": [{"attachment": attachment(text)} for text in TEXTS],
    },
}


@pytest.mark.parametrize("kind", RESOURCES)
def test_each_attachment_is_fetched_from_binary_storage(base, kind):
    def put(resource):
        address = f"{base}/{resource['resourceType']}/{resource['id']}"
        httpx2.put(address, json=resource, trust_env=False).raise_for_status()
        return httpx2.get(address, trust_env=False).json()

    put({"resourceType": "Patient", "id": "p1"})
    subject = {"subject": {"reference": "Patient/p1"}}
    stored = put({"resourceType": kind, "id": f"r-{kind}", **subject, **RESOURCES[kind]})
    assert "externalized-binary-id" in str(stored)
    assert "'data'" not in str(stored)

    async def read():
        client = FhirClient(base)
        try:
            return await read_report(stored, SourceReader(client), IntakeLimits())
        finally:
            await client.aclose()

    assert asyncio.run(read()).text == "\n\n".join(TEXTS)
