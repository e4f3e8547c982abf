"""An error shows no key or signature that stands in an address."""

import pytest

from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.reasons import Reason


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://h.example/v1?key=SECRET", "https://h.example/v1?REDACTED"),
        (
            "https://h.example/a.pdf?X-Amz-Signature=SECRET&x=1#p",
            "https://h.example/a.pdf?REDACTED",
        ),
        ("https://user:SECRET@h.example/fhir", "https://REDACTED@h.example/fhir"),
        ("http://a/?token=SECRET http://b/?sig=SECRET", "http://a/?REDACTED http://b/?REDACTED"),
        ("DiagnosticReport.presentedForm[0].url", "DiagnosticReport.presentedForm[0].url"),
    ],
)
def test_queries_and_user_information_are_redacted(address, shown):
    error = DependencyUnavailable(Reason.STORE_FAILED, address, f"HTTP 500 of {address}")
    assert error.location == shown
    assert "SECRET" not in f"{error} {error.detail} {error!r}"
