"""What is wrapped around a document, and content types that say what they are in other words."""

import base64
import contextlib
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.intake.attachments.gzip_data import gunzip
from oncofhir.fhir.intake.attachments.reader import read_attachment
from oncofhir.fhir.intake.attachments.sandbox import is_harmless
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.schemas.errors import OncofhirError, UnreadableReport
from oncofhir.schemas.reasons import Reason
from tests.documents import FORMATS, Run
from tests.pdfs import Page, pdf

LIMITS = IntakeLimits()
SMALL = IntakeLimits(max_attachment_bytes=2_000)
TEXT = "Invasive carcinoma, 14 mm.\nER ≥ 95 %"


def text_of(data, content_type="text/plain", limits=LIMITS):
    return read_attachment(data, content_type, "x", limits).text


def reason_of(data, content_type="text/plain", limits=LIMITS):
    with pytest.raises(UnreadableReport) as caught:
        text_of(data, content_type, limits)
    return caught.value.reason


# gzip


@given(
    st.lists(st.text("abc \n", min_size=1, max_size=30), min_size=1, max_size=6), st.integers(0, 3)
)
def test_all_members_of_gzip_are_read(texts, padding):
    data = b"".join(gzip.compress(text.encode()) for text in texts) + b"\0" * padding
    assert gunzip(data, 10_000, "x") == "".join(texts).encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (gzip.compress(b"a") + gzip.compress(b"b" * 100)[:-9], Reason.UNREADABLE_DOCUMENT),
        (gzip.compress(b"a") + b"plain text behind it", Reason.UNREADABLE_DOCUMENT),
        (gzip.compress(b"a" * 1_500) + gzip.compress(b"b" * 1_500), Reason.ATTACHMENT_TOO_LARGE),
        (gzip.compress(b"a" * 100) * 60, Reason.ATTACHMENT_TOO_LARGE),
    ],
    ids=[
        "the second is cut off",
        "something else behind it",
        "too large together",
        "many small ones",
    ],
)
def test_a_member_that_cannot_be_read_is_no_silence(data, reason):
    assert reason_of(data, limits=SMALL) is reason


# base64 within base64


@pytest.mark.parametrize("name", FORMATS)
def test_a_document_that_was_encoded_twice_is_read(name):
    content_type, write = FORMATS[name]
    document = write([[Run("Invasive carcinoma of the left breast, 14 mm")], [Run("ER positive")]])
    for encoded in (
        base64.b64encode(document),
        base64.encodebytes(document),
        b"\n" + base64.b64encode(document),
    ):
        assert text_of(encoded, content_type) == text_of(document, content_type)
        assert text_of(encoded, None) == text_of(document, None)


def test_other_documents_that_were_encoded_twice():
    document = pdf(Page(("Grade 2",)))
    encoded = base64.b64encode(document)
    assert text_of(encoded, "application/pdf") == "Grade 2"
    assert text_of(b"data:application/pdf;base64," + encoded) == "Grade 2"
    assert text_of(base64.b64encode(gzip.compress(TEXT.encode()))) == TEXT
    assert not is_harmless(encoded, "text/plain"), (
        "a PDF is parsed in a child, however it is wrapped"
    )
    onion = TEXT.encode()
    for _ in range(9):
        onion = base64.b64encode(onion)
    assert reason_of(onion) is Reason.UNREADABLE_DOCUMENT


@pytest.mark.parametrize(
    "text",
    [
        "AdenocarcinomaOfTheProstateGleason34",
        "abcdefghijklmnopqrstuvwxyzabcdef",
        "Grade2",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        base64.b64encode(bytes(range(60))).decode(),
        base64.b64encode(b"oneword" * 9).decode(),
    ],
)
def test_text_that_only_looks_like_base64_is_text(text):
    assert text_of(text.encode()) == text


# content types


@pytest.mark.parametrize(
    "declared",
    [
        "TX",
        "FT",
        "ST",
        "tx",
        "txt",
        "TXT",
        ".txt",
        "plain",
        "plain/text",
        "application/text",
        "application/txt",
        "application/x-txt",
        "text/ascii",
        "text/x-hl7-ft",
        "TX;charset=utf-8",
        "ascii",
    ],
)
def test_names_of_text_are_text(declared):
    assert text_of(TEXT.encode(), declared) == TEXT


@pytest.mark.parametrize(
    ("declared", "data", "text"),
    [
        ("html", b"Grade <b>2</b>", "Grade 2"),
        ("application/x-html", b"Grade <b>2</b>", "Grade 2"),
        ("RTF", rb"{\rtf1 Grade 2}", "Grade 2"),
        ("application/x-xml", b"<a>Grade 2</a>", "Grade 2"),
        ("md", b"# Grade 2", "# Grade 2"),
        ("pdf", pdf(Page(("Grade 2",))), "Grade 2"),
    ],
)
def test_extensions_are_understood(declared, data, text):
    assert text_of(data, declared) == text


@pytest.mark.parametrize(
    "declared", ["application/json", "model/step", "application/octet-steam", "xlsx", "x"]
)
def test_other_types_are_not(declared):
    assert reason_of(b'{"a": 1}', declared) is Reason.UNSUPPORTED_CONTENT_TYPE


@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"\x1f\x8b\x08\x00", b"data:;base64,", b"QUJD" * 8]),
)
def test_no_wrapping_raises_anything_but_a_reason(data, start):
    with contextlib.suppress(OncofhirError):
        assert text_of(start + data, None)
