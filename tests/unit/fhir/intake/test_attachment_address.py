"""Which addresses of attachments are the source's own, and which name one document."""

import asyncio
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.intake.attachment_address import document_url, own_address
from oncofhir.fhir.intake.source_reader import Companions, SourceReader
from oncofhir.schemas.errors import RequestRejected, UnreadableReport
from oncofhir.schemas.reasons import Reason

BASE = "https://EHR.example.org/r4/fhir"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("Binary/b1", "Binary/b1"),
        ("/Binary/b1", "Binary/b1"),
        ("/r4/fhir/Binary/b1", "Binary/b1"),
        ("https://ehr.example.org/r4/fhir/Binary/b1", "Binary/b1"),
        ("HTTPS://ehr.EXAMPLE.org:443/r4/fhir/Binary/b1", "Binary/b1"),
        ("Binary/b1/_history/2", "Binary/b1/_history/2"),
        ("Binary/b1?_format=json", "Binary/b1"),
        ("Binary/b1?_format=application%2Ffhir%2Bxml&_pretty=true#page=2", "Binary/b1"),
        ("Binary/b1?rendition=2&_format=json", "Binary/b1?rendition=2"),
        (
            "Binary/b1/$binary-access-read?path=Binary.data",
            "Binary/b1/$binary-access-read?path=Binary.data",
        ),
        (
            "https://ehr.example.org/r4/fhir/DocumentReference/d/$binary-access-read?path=DocumentReference.content.attachment",
            "DocumentReference/d/$binary-access-read?path=DocumentReference.content.attachment",
        ),
    ],
)
def test_the_own_addresses_of_a_source(url, address):
    assert own_address(BASE, url) == address
    assert own_address(BASE + "/", url) == address


@pytest.mark.parametrize(
    "url",
    [
        "https://files.example.org/Binary/b1",
        "https://ehr.example.org/Binary/b1",
        "https://ehr.example.org:8443/r4/fhir/Binary/b1",
        "http://ehr.example.org/r4/fhir/Binary/b1",
        "https://ehr.example.org.evil.example/r4/fhir/Binary/b1",
        "//ehr.example.org/r4/fhir/Binary/b1",
        "urn:uuid:11111111-2222-4333-8444-555555555555",
        "data:text/plain,x",
        "file:///etc/passwd",
    ],
)
def test_addresses_elsewhere(url):
    assert own_address(BASE, url) is None


@pytest.mark.parametrize(
    "url",
    [
        "Binary/..",
        "../Binary/b1",
        "/../Binary/b1",
        "Binary/%2E%2e/b1",
        "Binary/%252e%252e",
        "Binary/b1%2f..%2f..",
        "Binary/b1/../../admin",
        "https://ehr.example.org/r4/fhir/../admin/Binary/b1",
        "Binary/b1\\..\\x",
        "Binary/b1 x",
        "Binary/b1\r\nHost: x",
        "Patient/p1",
        "Patient/p1/$everything",
        "Binary/b1/$export",
        "Binary",
        "",
        "Binary/$binary-access-read",
    ],
)
def test_addresses_that_are_refused(url):
    with pytest.raises(UnreadableReport) as caught:
        own_address(BASE, url)
    assert caught.value.reason is Reason.ATTACHMENT_URL_REFUSED


@given(st.text("Binary/.%2eE?#:$\\ab1-_history&=", max_size=40))
def test_no_address_leads_out_of_the_base(url):
    with contextlib.suppress(UnreadableReport):
        address = own_address("https://h.example/fhir", url)
        assert address is None or ".." not in address.partition("?")[0]


class Client:
    """A source that holds one Binary, and remembers what it was asked for."""

    base_url = BASE

    def __init__(self, content, content_type):
        self.answer = content, content_type
        self.asked = []

    async def read(self, type, id, version=None):  # noqa: A002
        raise RequestRejected(Reason.RESOURCE_NOT_FOUND)

    async def read_binary(self, url, accept, fetch):
        self.asked.append(url)
        return self.answer


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"ER 95 %", "text/plain"),
        (b'{"resourceType": "Binary", "data": "RVIgOTUgJQ=="}', "application/fhir+json"),
        (
            b'<Binary xmlns="http://hl7.org/fhir"><contentType value="text/plain"/><data value="RVIgOTUgJQ=="/></Binary>',
            "application/fhir+xml",
        ),
        (
            b"<?xml version='1.0'?>\n<f:Binary xmlns:f='http://hl7.org/fhir'><f:id value='1'/><f:data\n value='RVIg&#10;OTUgJQ=='/></f:Binary>",
            "application/xml; charset=utf-8",
        ),
    ],
)
def test_a_source_serves_the_content_or_the_resource_around_it(content, content_type):
    client = Client(content, content_type)
    reader = SourceReader(client)
    for url in ("/Binary/b1", "Binary/b1?_format=json", f"{BASE}/Binary/b1"):
        assert asyncio.run(reader.fetch_attachment(url, "text/plain"))[0] == b"ER 95 %"
    assert client.asked == ["Binary/b1"] * 3


def test_other_xml_is_not_taken_apart():
    page = b'<html xmlns="http://www.w3.org/1999/xhtml"><data value="RVI="/></html>'
    client = Client(page, "text/xml")
    assert asyncio.run(SourceReader(client).fetch_attachment("Binary/b1", "*/*")) == (
        page,
        "text/xml",
    )
    damaged = b'<Binary xmlns="http://hl7.org/fhir"><contentType value="text/plain"/></Binary>'
    reader = SourceReader(Client(damaged, "text/xml"))
    with pytest.raises(UnreadableReport) as caught:
        asyncio.run(reader.fetch_attachment("Binary/b1", "*/*"))
    assert caught.value.reason is Reason.EMPTY_ATTACHMENT


# one document, or two


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("https://f.example/doc?id=1", "https://f.example/doc?id=2"),
        ("https://f.example/doc?id=1", "https://f.example/doc"),
        ("https://f.example/doc?id=1&sig=abc", "https://f.example/doc?id=2&sig=abc"),
        ("https://f.example/doc?sv=1", "https://f.example/doc?sv=2"),
        ("https://f.example/doc?expires=1", "https://f.example/doc?expires=2"),
        ("Binary/b1?part=1", "Binary/b1?part=2"),
        ("https://f.example/a", "https://g.example/a"),
        ("https://f.example/a", "https://f.example/A"),
        ("https://f.example/d?q=a%26b", "https://f.example/d?q=a&b"),
        (
            "DocumentReference/d/$binary-access-read?path=DocumentReference.content[0].attachment",
            "DocumentReference/d/$binary-access-read?path=DocumentReference.content[1].attachment",
        ),
    ],
)
def test_addresses_of_two_documents(url, other):
    assert document_url(url) != document_url(other)


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("https://f.example/doc?id=1", "HTTPS://F.example:443/doc?id=1#page=2"),
        ("https://f.example/doc?a=1&b=2", "https://f.example/doc?b=2&a=1"),
        ("https://f.example/doc?id=1", "https://f.example/doc?id=1&token=t"),
        (
            "https://f.example/d?X-Amz-Signature=1&X-Amz-Date=2",
            "https://f.example/d?x-amz-signature=3",
        ),
        (
            "https://f.example/d?id=7&sig=1&se=2030&sv=1&sp=r",
            "https://f.example/d?sig=2&se=2031&sv=2&id=7",
        ),
        ("https://f.example/d?Signature=1&Expires=2&Key-Pair-Id=3", "https://f.example/d"),
        ("https://f.example/d?X-Goog-Signature=1", "https://f.example/d"),
        ("https://f.example/d?access_token=1", "https://f.example/d"),
        ("Binary/b1", "/Binary/b1/"),
        ("Binary/b1/_history/1", "Binary/b1/_history/2"),
        ("Binary/b1?_format=json", "Binary/b1"),
    ],
)
def test_addresses_of_one_document(url, other):
    assert document_url(url) == document_url(other)


EXTERNALIZED = {
    "resourceType": "Binary",
    "id": "b1",
    "contentType": "text/plain",
    "_data": {
        "extension": [
            {
                "url": "http://hapifhir.io/fhir/StructureDefinition/externalized-binary-id",
                "valueString": "x7",
            }
        ]
    },
}


class Storing(Client):
    """HAPI FHIR with Binary Storage: a Binary without its content, and the operation that has it."""

    async def read_binary(self, url, accept, fetch):
        self.asked.append(url)
        return (b"ER 95 %", "text/plain") if "$binary-access-read" in url else self.answer


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (json.dumps(EXTERNALIZED).encode(), "application/fhir+json"),
        (b'{"resourceType": "Binary", "id": "b1"}', "application/fhir+json"),
        (b"", "text/plain"),
    ],
)
def test_content_outside_of_a_binary_is_fetched_from_there(content, content_type):
    client = Storing(content, content_type)
    for companions in ((), (EXTERNALIZED,)):
        reader = SourceReader(client).with_companions(companions)
        assert asyncio.run(reader.fetch_attachment("Binary/b1", "text/plain"))[0] == b"ER 95 %"
    assert client.asked == ["Binary/b1", "Binary/b1/$binary-access-read?path=Binary"] * 2


def test_content_outside_of_a_binary_is_no_empty_attachment_offline():
    with pytest.raises(UnreadableReport) as caught:
        asyncio.run(Companions([EXTERNALIZED]).fetch_attachment("Binary/b1", "text/plain"))
    assert caught.value.reason is Reason.ATTACHMENT_NOT_FOUND
