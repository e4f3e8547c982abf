"""A URL in a span has a resource type and placeholders; no id, search value or path of an attachment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.rest.request_spans import url_template

BASE = "https://fhir.example.org/r4"


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("", "/"),
        ("/", "/"),
        ("/metadata", "/metadata"),
        ("/Patient/p-1", "/Patient/{id}"),
        ("/DiagnosticReport/r-1/_history/3", "/DiagnosticReport/{id}/_history/{id}"),
        ("/Task?identifier=s|secret&status=x", "/Task?{query}"),
        ("/Patient/$everything", "/Patient/$everything"),
    ],
)
def test_ids_become_placeholders(path, template):
    assert url_template(BASE + path, BASE) == template


@pytest.mark.parametrize(
    "address",
    ["https://files.example.org/Doe/Jane.pdf", "https://fhir.example.org/other/Jane", "Jane", ""],
)
def test_an_address_elsewhere_is_not_shown(address):
    assert url_template(address, BASE) == "{attachment}"


@given(st.text("abcdefgh-0123456789.", min_size=1, max_size=64))
def test_no_id_is_shown(ident):
    template = url_template(f"{BASE}/Patient/{ident}", BASE)
    assert template == ("/Patient/{id}" if ident != "metadata" else "/Patient/metadata")
