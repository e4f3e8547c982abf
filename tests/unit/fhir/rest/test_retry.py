"""When a request is tried again."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.rest.retry import retry_after_seconds

NOW = datetime(2026, 11, 20, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Fri, 20 Nov 2026 10:00:30 GMT", 30.0),
        ("Fri, 20 Nov 2026 09:00:00 GMT", 0.0),
        ("Friday, 20-Nov-26 10:00:05 GMT", 5.0),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("²", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header, seconds):
    assert retry_after_seconds(header, lambda: NOW) == seconds


@given(st.text())
def test_whatever_a_server_says_there_is_an_answer(header):
    seconds = retry_after_seconds(header, lambda: NOW)
    assert seconds is None or seconds >= 0
