"""Escape sequences of HL7 v2 in attachments of text: lines and characters, and nothing else is touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.intake.attachments.formats.hl7_escapes import resolve_escapes
from oncofhir.fhir.intake.attachments.reader import read_attachment
from oncofhir.fhir.intake.limits import IntakeLimits


def text_of(text, content_type="text/plain"):
    return read_attachment(text.encode(), content_type, "x", IntakeLimits()).text


@pytest.mark.parametrize("content_type", ["text/plain", "FT", "text/x-ft", None])
def test_formatting_commands_become_lines(content_type):
    raw = r"FINAL DIAGNOSIS:\.br\Left breast: carcinoma, 14 mm \T\ grade 2.\.sp2\ER \S\ 95 %"
    text = "FINAL DIAGNOSIS:\nLeft breast: carcinoma, 14 mm & grade 2.\n\nER ^ 95 %"
    assert text_of(raw, content_type) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (r"a\.BR\b", "a\nb"),
        (r"\H\Diagnosis:\N\ x", "Diagnosis: x"),
        (r"5\F\6\R\7\E\8", "5|6~7\\8"),
        (r"a\X0D\b\X41\c", "a\nbAc"),
        (r"a\.in+4\b\.fi\c\.nf\d\.sk3\e", "a\nbcd   e"),
        (r"a\.sp999\b", "a\n\n\n\n\nb"),
        (r"\.xx\ \Q\ \ ", r"\.xx\ \Q\ \ "),
    ],
)
def test_sequences_are_resolved_as_the_standard_says(raw, text):
    assert resolve_escapes(raw) == text


def test_backslashes_of_other_texts_stay():
    path = r"see C:\E\reports\T\1 and \\server\F\x"
    assert text_of(path) == path
    assert text_of(r"a \T\ b", "FT") == "a & b"


@given(st.text())
def test_text_without_sequences_stays(text):
    if "\\" not in text:
        assert resolve_escapes(text) == text
