"""The authorities of the system are read once, not by each client, and hold no client's certificate."""

import ssl

from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.rest.system_authorities import system_authorities


def test_the_context_verifies_names_and_certificates():
    context = system_authorities()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_second_client_reads_no_authorities(monkeypatch):
    system_authorities()

    def refuse(*_, **__):
        raise AssertionError("authorities are read again")

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", refuse)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", refuse)
    FhirClient("http://127.0.0.1:1/fhir")
