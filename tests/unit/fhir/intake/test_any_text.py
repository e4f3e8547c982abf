"""Any text through any content type comes back, at offsets that lead to the same characters; any bytes end well."""

import asyncio
import base64
import contextlib
import gzip
import html
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncofhir.fhir.intake.attachments.reader import read_attachment
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.read_report import read_report
from oncofhir.fhir.intake.source_reader import Companions
from oncofhir.schemas.errors import OncofhirError
from tests.builders import attachment, diagnostic_report
from tests.pdfs import Page, pdf

LIMITS = IntakeLimits()
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def _rtf(text):
    units = text.encode("utf-16-le")
    codes = (
        int.from_bytes(units[i : i + 2], "little", signed=True) for i in range(0, len(units), 2)
    )
    return b"{\\rtf1\\ansi\\uc1 " + b"".join(b"\\u%d?" % code for code in codes) + b"}"


def _docx(text):
    document = (
        f'<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t xml:space="preserve">{html.escape(text)}'
        "</w:t></w:r></w:p></w:body></w:document>"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("word/document.xml", document)
    return packed.getvalue()


def _cda(body):
    return f'<ClinicalDocument xmlns="urn:hl7-org:v3"><component>{body}</component></ClinicalDocument>'.encode()


def _cda_narrative(text):
    escaped = html.escape(text)
    return _cda(
        "<structuredBody><component><section><text><paragraph>"
        f"{escaped}</paragraph></text></section></component></structuredBody>"
    )


def _cda_body(text):
    data = base64.b64encode(text.encode()).decode()
    return _cda(
        '<nonXMLBody><text mediaType="text/plain; charset=utf-8" representation="B64">'
        f"{data}</text></nonXMLBody>"
    )


def _page(text):
    return f"<!DOCTYPE html><html><body><p>{html.escape(text)}</p></body></html>"


def _xhtml(text):
    return (
        f'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>{html.escape(text)}</p></body></html>'
    )


WRITTEN = {
    "plain": ("text/plain; charset=utf-8", str.encode),
    "plain in UTF-16": ("text/plain; charset=utf-16", lambda text: text.encode("utf-16")),
    "markdown": ("text/markdown", str.encode),
    "gzip": ("text/plain; charset=utf-8", lambda text: gzip.compress(text.encode())),
    "HTML": ("text/html; charset=utf-8", lambda text: _page(text).encode()),
    "XHTML": ("application/xhtml+xml", lambda text: _xhtml(text).encode()),
    "XML": ("application/xml", lambda text: f"<a><b>{html.escape(text)}</b></a>".encode()),
    "CDA": ("application/hl7-cda+xml", _cda_narrative),
    "CDA with a body": ("text/xml", _cda_body),
    "RTF": ("application/rtf", _rtf),
    "DOCX": (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        _docx,
    ),
}
# Cn and Cc have no place in XML; Cf are marks of direction and the like, which markup may drop.
CHARACTERS = st.characters(
    exclude_categories=["Cs", "Cc", "Cn", "Cf", "Co"], include_characters="\t\n"
)
LETTER = st.characters(categories=["Lu", "Ll", "Nd"])
# A letter first: bytes that look like another content type are that content type.
TEXT = st.builds(lambda first, rest: first + rest, LETTER, st.text(CHARACTERS, max_size=200))


def bare(text):
    return "".join(text.split())


def report_of(*attachments, **more):
    forms = [attachment(data, kind) for kind, data in attachments]
    resource = diagnostic_report("r1", *forms, **more)
    return asyncio.run(read_report(resource, Companions(()), LIMITS))


def assert_leads_back(report, sources):
    """Every character of the report stands in its segment's source at the offset that the segment says."""
    covered = 0
    for segment in report.segments:
        source = sources[segment.path]
        for offset in {segment.start, (segment.start + segment.end) // 2, segment.end - 1}:
            assert report.locate(offset) == segment
            there = offset - segment.start + segment.attachment_start
            assert report.text[offset] == source[there]
        assert report.text[segment.start : segment.end] == source
        covered += segment.end - segment.start
    assert covered == sum(map(len, sources.values()))


@pytest.mark.parametrize("kind", WRITTEN)
@settings(max_examples=40)
@given(text=TEXT)
def test_any_text_comes_back_through_any_content_type(kind, text):
    content_type, written = WRITTEN[kind]
    data = written(text)
    decoded = read_attachment(data, content_type, "x", LIMITS).text
    assert bare(decoded) == bare(text)
    if kind in {"plain", "plain in UTF-16", "markdown", "gzip", "CDA with a body"}:
        assert decoded == text
    report = report_of((content_type, data), conclusion="Zz: another text")
    assert_leads_back(
        report,
        {
            "DiagnosticReport.presentedForm[0]": decoded,
            "DiagnosticReport.conclusion": "Zz: another text",
        },
    )


@settings(max_examples=40)
@given(
    st.lists(
        st.text("abcdefghij ()\\.,0123456789", min_size=1, max_size=40), min_size=1, max_size=5
    )
)
def test_any_lines_come_back_from_pdf(lines):
    shown = tuple(
        line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for line in lines
    )
    data = pdf(Page(("Report", *shown)))
    decoded = read_attachment(data, "application/pdf", "x", LIMITS).text
    assert bare(decoded) == bare("Report" + "".join(lines))
    assert_leads_back(
        report_of(("application/pdf", data)), {"DiagnosticReport.presentedForm[0]": decoded}
    )


@settings(max_examples=60)
@given(st.lists(TEXT, min_size=1, max_size=4, unique_by=bare))
def test_several_attachments_each_lead_back_to_themselves(texts):
    report = report_of(*(("text/plain; charset=utf-8", text.encode()) for text in texts))
    assert_leads_back(
        report,
        {f"DiagnosticReport.presentedForm[{n}]": text for n, text in enumerate(texts)},
    )


@pytest.mark.parametrize("kind", WRITTEN)
@settings(max_examples=40)
@given(data=st.data())
def test_no_damage_raises_anything_but_a_reason(kind, data):
    """Whole documents with bytes changed, cut out or doubled: nearer to a parser's inside than noise is."""
    content_type, written = WRITTEN[kind]
    damaged = bytearray(written("Invasive carcinoma, 14 mm. ER 95 %, G2 \u2265 \u00b5m"))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, max(0, len(damaged) - 1)))
        some = data.draw(st.binary(max_size=6))
        damaged[at : at + data.draw(st.integers(0, 6))] = some
    for declared in (content_type, None):
        with contextlib.suppress(OncofhirError):
            assert read_attachment(bytes(damaged), declared, "x", LIMITS).text


@settings(max_examples=100)
@given(data=st.data())
def test_no_damaged_pdf_raises_anything_but_a_reason(data):
    field = b"/FT /Tx /DA (/Helv 12 Tf 0 g) /T (size) /V (2.5 cm)"
    damaged = bytearray(pdf(Page(("Size:",), fields=((0, field),)), Page(has_image=True)))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with contextlib.suppress(OncofhirError):
        assert read_attachment(bytes(damaged), "application/pdf", "x", LIMITS).text
