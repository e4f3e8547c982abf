"""Attachments at a real FHIR server, by every form of address that means one of its own Binaries."""

import asyncio
import base64

import httpx2
import pytest

from oncofhir.fhir.intake.source_reader import SourceReader
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

TEXT = "FINAL DIAGNOSIS: Carcinoma, 14 mm. ER \u2265 95 %"


@pytest.fixture(scope="module")
def base(fhir_server):
    data = base64.b64encode(TEXT.encode()).decode()
    binary = {
        "resourceType": "Binary",
        "id": "address-1",
        "contentType": "text/plain",
        "data": data,
    }
    base = fhir_server.base_url
    httpx2.put(f"{base}/Binary/address-1", json=binary, trust_env=False).raise_for_status()
    return base


def fetched(base, url):
    async def run():
        client = FhirClient(base, read_attempts=1)
        try:
            return await SourceReader(client).fetch_attachment(url, "text/plain")
        finally:
            await client.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize(
    "url",
    [
        "Binary/address-1",
        "/Binary/address-1",
        "Binary/address-1?_format=json",
        "{base}/Binary/address-1",
        "{base}/Binary/address-1?_format=application/fhir%2Bjson",
        "{path}/Binary/address-1",
    ],
)
def test_the_own_binaries_are_fetched(base, url):
    path = "/" + base.split("://", 1)[1].partition("/")[2]
    content, _ = fetched(base, url.format(base=base, path=path.rstrip("/")))
    assert content.decode() == TEXT


@pytest.mark.parametrize(
    "url", ["Binary/../metadata", "{base}/Binary/%2e%2e/metadata", "/../metadata"]
)
def test_no_path_leads_elsewhere_on_the_server(base, url):
    with pytest.raises(UnreadableReport) as caught:
        fetched(base, url.format(base=base))
    assert caught.value.reason is Reason.ATTACHMENT_URL_REFUSED
