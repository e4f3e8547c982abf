"""PDF: scanned pages beside others are told, values of form fields stand beside their labels."""

import asyncio
import base64

import pytest

from oncofhir.fhir.intake.attachments.reader import read_attachment
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.read_report import read_report
from oncofhir.fhir.intake.source_reader import Companions
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import ReportWarning
from tests.builders import attachment, diagnostic_report
from tests.pdfs import Page, pdf

LIMITS = IntakeLimits(max_results=2)
TEXT = b"/FT /Tx /DA (/Helv 12 Tf 0 g)"
BOX = b"/FT /Btn /AP << /N << /Yes 4 0 R /Off 4 0 R >> >>"


def read(data):
    return read_attachment(data, "application/pdf", "x", LIMITS)


def report_of(data, **more):
    resource = diagnostic_report("r1", attachment(data, "application/pdf"), **more)
    return asyncio.run(read_report(resource, Companions(()), LIMITS))


def test_scanned_pages_beside_others_are_counted_and_blank_ones_are_not():
    decoded = read(
        pdf(Page(("Invasive carcinoma",)), Page(has_image=True), Page(), Page(("14 mm",)))
    )
    assert (decoded.text, decoded.unread_pages) == ("Invasive carcinoma\n\n14 mm", 1)
    assert read(pdf(Page(("a",), has_image=True))).unread_pages == 0, "a scan with a text layer"


def test_a_scan_is_a_skip_and_a_partial_one_a_warning():
    with pytest.raises(UnreadableReport) as caught:
        read(pdf(Page(has_image=True), Page(has_image=True)))
    assert caught.value.reason is Reason.NO_TEXT_LAYER
    partial = pdf(Page(("Invasive carcinoma",)), Page(has_image=True))
    assert report_of(partial).warnings == (ReportWarning.PAGES_WITHOUT_TEXT,)
    assert report_of(pdf(Page(("Invasive carcinoma",)))).warnings == ()


def test_a_scan_within_a_cda_document_is_told_too():
    data = base64.b64encode(pdf(Page(("Carcinoma",)), Page(has_image=True))).decode()
    cda = (
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><component><nonXMLBody><text representation="B64"'
        f' mediaType="application/pdf">{data}</text></nonXMLBody></component></ClinicalDocument>'
    )
    decoded = read_attachment(cda.encode(), "text/xml", "x", LIMITS)
    assert (decoded.text, decoded.unread_pages) == ("Carcinoma", 1)


def test_results_beyond_the_limit_are_told():
    result = [{"reference": f"#o{n}"} for n in range(3)]
    whole = pdf(Page(("Carcinoma",)))
    assert report_of(whole, result=result).warnings == (ReportWarning.RESULTS_LEFT_OUT,)


def test_values_of_form_fields_stand_beside_their_labels():
    lines = ("Tumor size:", "Grade:", "ER positive", "Signature")
    fields = (
        (0, TEXT + b" /T (size) /V (2.5 cm)"),
        (1, b"/FT /Ch /Ff 131072 /T (grade) /Opt [(G1) (G2)] /V (G2) /DA (/Helv 12 Tf 0 g)"),
        (2, BOX + b" /T (er) /V /Yes /AS /Yes"),
    )
    text = read(pdf(Page(lines, fields=fields))).text
    said = [" ".join(line.split()) for line in text.splitlines()]
    assert said == ["Tumor size: 2.5 cm", "Grade: G2", "ER positive \u2612", "Signature"]


def test_empty_hidden_and_secret_fields_say_nothing():
    fields = (
        (0, TEXT + b" /T (a) /V ()"),
        (0, TEXT + b" /T (b) /V (secret) /Ff 8192"),
        (1, TEXT.replace(b"/FT", b"/F 2 /FT") + b" /T (c) /V (unseen)"),
        (1, BOX + b" /T (d) /V /Off /AS /Off"),
    )
    text = read(pdf(Page(("Tumor size:", "ER positive"), fields=fields))).text
    assert "secret" not in text
    assert "unseen" not in text
    assert "\u2610" in text


def test_a_field_far_from_all_text_comes_last_and_a_form_without_text_is_read():
    far = read(pdf(Page(("Title",), fields=((9, TEXT + b" /T (x) /V (pT2)"),)))).text
    assert far.split() == ["Title", "pT2"]
    assert read(pdf(Page(fields=((0, TEXT + b" /T (x) /V (pT2)"),)))).text == "pT2"


def test_values_beyond_latin_and_offsets_hold():
    value = "Gr\u00f6\u00dfe \u2265 2 \U0001f600".encode("utf-16-be").hex().encode()
    text = read(pdf(Page(("Size:",), fields=((0, TEXT + b" /T (x) /V <FEFF%s>" % value),)))).text
    assert text == "Size: Gr\u00f6\u00dfe \u2265 2 \U0001f600"
