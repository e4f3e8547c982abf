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


def put(base, resource):
    """Store a resource; return it as the server has it."""
    address = f"{base}/{resource['resourceType']}/{resource['id']}"
    headers = {"accept": "application/fhir+json", "content-type": "application/fhir+json"}
    httpx2.put(address, json=resource, headers=headers, trust_env=False).raise_for_status()
    return httpx2.get(address, headers=headers, trust_env=False).json()


def text_of(base, stored, *companions):
    async def read():
        client = FhirClient(base)
        reader = SourceReader(client).with_companions(companions)
        try:
            return await read_report(stored, reader, IntakeLimits())
        finally:
            await client.aclose()

    return asyncio.run(read()).text


@pytest.mark.parametrize("kind", RESOURCES)
def test_each_attachment_is_fetched_from_binary_storage(base, kind):
    put(base, {"resourceType": "Patient", "id": "p1"})
    subject = {"subject": {"reference": "Patient/p1"}}
    stored = put(base, {"resourceType": kind, "id": f"r-{kind}", **subject, **RESOURCES[kind]})
    assert "externalized-binary-id" in str(stored)
    assert "'data'" not in str(stored)
    assert text_of(base, stored) == "\n\n".join(TEXTS)


def test_a_binary_is_fetched_from_binary_storage_too(base):
    data = attachment(TEXTS[0])["data"]
    binary = {"resourceType": "Binary", "id": "stored", "contentType": "text/plain", "data": data}
    stored = put(base, binary)
    assert "externalized-binary-id" in str(stored)
    for url in (
        "Binary/stored",
        "Binary/stored/$binary-access-read?path=Binary",
        "Binary/stored/$binary-access-read?path=Binary.data",
    ):
        report = {
            "resourceType": "DiagnosticReport",
            "id": "by-url",
            "status": "final",
            "subject": {"reference": "Patient/p1"},
            "presentedForm": [{"contentType": "text/plain", "url": url}],
        }
        assert text_of(base, report) == TEXTS[0]
        assert text_of(base, report, stored) == TEXTS[0], "beside the report, without its content"
