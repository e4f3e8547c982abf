"""PDF: scanned pages beside others are told, values of form fields stand beside their labels."""

import asyncio
import base64

import pytest

from oncofhir.fhir.intake.attachments.reader import read_attachment
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.read_report import read_report
from oncofhir.fhir.intake.source_reader import Companions
from oncofhir.fhir.intake.text.triage import triage_text
from oncofhir.fhir.intake.triage import Process, Skip, load_policy
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import ReportWarning
from tests.builders import attachment, diagnostic_report
from tests.pdfs import Page, pdf

LIMITS = IntakeLimits(max_results=2)
PAGES = (ReportWarning.PAGES_WITHOUT_TEXT,)
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
    assert (decoded.text, decoded.warnings) == ("Invasive carcinoma\n\n14 mm", PAGES)
    assert read(pdf(Page(("a",), has_image=True))).warnings == (), "a scan with a text layer"


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
    assert (decoded.text, decoded.warnings) == ("Carcinoma", PAGES)


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


# files within a PDF

COVER = Page(("Open this portfolio in a newer viewer.",))


def test_the_documents_of_a_portfolio_are_read():
    files = (
        ("report.txt", b"FINAL DIAGNOSIS: carcinoma, 14 mm"),
        ("addendum.rtf", rb"{\rtf1 HER2: {\strike negative }positive}"),
        ("page.html", b"<html><body>ER 95 %</body></html>"),
        ("inner.pdf", pdf(Page(("Grade 2",)))),
    )
    decoded = read(pdf(COVER, files=files))
    assert decoded.text.split("\n\n") == [
        "Open this portfolio in a newer viewer.",
        "FINAL DIAGNOSIS: carcinoma, 14 mm",
        "HER2: positive",
        "ER 95 %",
        "Grade 2",
    ]
    assert decoded.warnings == ()
    assert read(pdf(Page(), files=files[:1])).text == "FINAL DIAGNOSIS: carcinoma, 14 mm"


def test_a_file_that_the_pages_show_is_not_read_again():
    assert (
        read(pdf(Page(("Grade 2", "ER 95 %")), files=(("a.txt", b"Grade 2\nER  95 %"),))).text
        == "Grade 2\nER 95 %"
    )


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"PK\x03\x04xl/",
        b"",
        bytes(range(128, 256)),
    ],
)
def test_a_file_that_cannot_be_read_is_a_warning(data):
    decoded = read(pdf(Page(("Grade 2",)), files=(("x", data), ("b.txt", b"ER 95 %"))))
    assert decoded.text == "Grade 2\n\nER 95 %"
    assert decoded.warnings == (ReportWarning.FILES_LEFT_OUT,)


def test_portfolios_within_portfolios_end():
    data = pdf(Page(("innermost",)))
    for _ in range(6):
        data = pdf(COVER, files=(("a.pdf", data),))
    assert read(data).warnings == (ReportWarning.FILES_LEFT_OUT,)
    big = IntakeLimits(max_attachment_bytes=5_000)
    with pytest.raises(UnreadableReport) as caught:
        read_attachment(
            pdf(COVER, files=(("a", b"a" * 2_000), ("b", b"b" * 2_000), ("c", b"c" * 2_000)))[
                :5_000
            ],
            None,
            "x",
            big,
        )
    assert caught.value.reason in {
        Reason.ATTACHMENT_TOO_LARGE,
        Reason.UNREADABLE_DOCUMENT,
        Reason.NO_TEXT_LAYER,
    }


# annotations

PLACE = b"/Rect [40 500 300 540]"


@pytest.mark.parametrize(
    "annotation",
    [
        b"/Subtype /FreeText /DA (/Helv 12 Tf 0 g) /Contents (HER2 positive) " + PLACE,
        b"/Subtype /Text /Contents (HER2 positive) " + PLACE,
        b"/Subtype /Stamp /Contents (HER2 positive) " + PLACE,
        b"/Subtype /Caret /Contents <FEFF004800450052003200200070006F007300690074006900760065> "
        + PLACE,
    ],
)
def test_the_words_of_annotations_stand_at_the_end_of_their_page(annotation):
    page = Page(("Grade 2",), annotations=(annotation,))
    assert read(pdf(page, Page(("ER 95 %",)))).text == "Grade 2\nHER2 positive\n\nER 95 %"


@pytest.mark.parametrize(
    "annotation",
    [
        b"/Subtype /FreeText /F 2 /Contents (hidden) " + PLACE,
        b"/Subtype /FreeText /F 32 /Contents (not in view) " + PLACE,
        b"/Subtype /Popup /Contents (repeats its parent) " + PLACE,
        b"/Subtype /Link /Contents (a link) " + PLACE,
        b"/Subtype /Highlight /QuadPoints [0 0 1 0 0 1 1 1] /Contents (Grade 2) " + PLACE,
    ],
)
def test_what_is_hidden_or_said_already_is_left_out(annotation):
    assert read(pdf(Page(("Grade 2",), annotations=(annotation,)))).text == "Grade 2"


def test_text_that_an_annotation_strikes_out_is_left_out():
    # Helvetica at 12 points: "Grade 3 " is about 46 points wide, from 40 on; the line stands at 700.
    quads = b"/QuadPoints [40 712 84 712 40 697 84 697] /Rect [40 697 84 712]"
    struck = b"/Subtype /StrikeOut /Contents (Grade 3) " + quads
    assert read(pdf(Page(("Grade 3 Grade 2", "ER 95 %"), annotations=(struck,)))).text.split() == [
        "Grade",
        "2",
        "ER",
        "95",
        "%",
    ]
    hidden = struck + b" /F 2"
    assert "Grade 3" in read(pdf(Page(("Grade 3 Grade 2",), annotations=(hidden,)))).text


def test_a_file_attached_to_a_page_is_a_warning():
    pinned = (
        b"/Subtype /FileAttachment /Contents (scan.tif) /FS << /Type /Filespec /F (a) >> " + PLACE
    )
    decoded = read(pdf(Page(("Grade 2",), annotations=(pinned,))))
    assert (decoded.text, decoded.warnings) == ("Grade 2", (ReportWarning.FILES_LEFT_OUT,))


# fonts without a map to characters

ENGLISH = "FINAL DIAGNOSIS: left breast invasive ductal carcinoma, tumor size two centimetres, margins are clear"
GERMAN = (
    "Invasives duktales Mammakarzinom links, Resektionsraender tumorfrei, Oestrogenrezeptor positiv"
)


def shifted(text, by):
    return "".join(
        chr((ord(c) - 97 + by) % 26 + 97) if "a" <= c <= "z" else c for c in text.lower()
    )


UNMAPPED = {
    "no map of a CID font": (
        (
            b"<< /Type /Font /Subtype /Type0 /BaseFont /ABCDEF+X /Encoding /Identity-H /DescendantFonts [<< /Type"
            b" /Font /Subtype /CIDFontType2 /BaseFont /ABCDEF+X /CIDSystemInfo << /Registry (Adobe) /Ordering"
            b" (Identity) /Supplement 0 >> >>] >>"
        ),
        b"<00210022002300240025>",
    ),
    "glyphs of no name": (
        (
            b"<< /Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [0.1 0 0 0.1 0 0] /Encoding << /Type"
            b" /Encoding /Differences [65 /g1 /g2 /g3] >> /CharProcs << >> /FirstChar 65 /LastChar 67 /Widths [5 5 5] >>"
        ),
        b"(ABCABC)",
    ),
}


@pytest.mark.parametrize("case", UNMAPPED)
def test_glyphs_without_characters_are_a_warning(case):
    font, shown = UNMAPPED[case]
    data = pdf(Page(("Grade 2",)))
    data = data.replace(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>", font)
    data = data.replace(b"(Grade 2)", shown)
    assert read(data).warnings == (ReportWarning.GARBLED_TEXT,)


@pytest.mark.parametrize("by", [1, 3, 5, 13, 19])
@pytest.mark.parametrize("text", [ENGLISH, GERMAN])
def test_garbled_text_is_a_warning(text, by):
    assert read(pdf(Page((shifted(text, by),)))).warnings == (ReportWarning.GARBLED_TEXT,)


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH,
        GERMAN,
        "Ca. mammae dx., pT1c pN0 (sn) L0 V0 R0, G2, ER 95 %, PR 80 %, HER2 1+, Ki-67 15 %",
        "Carcinome canalaire infiltrant du sein gauche, taille vingt millimetres, marges saines",
        "XYZ 4711 QWK",
        "Adenocarcinoma prostatico acinar, Gleason tres mas cuatro, bordes quirurgicos libres",
    ],
)
def test_text_in_a_language_is_none(text):
    assert read(pdf(Page((text,)))).warnings == ()


def test_a_garbled_report_is_not_passed_over_as_other_medicine():
    report = report_of(pdf(Page((shifted(ENGLISH, 1),))))
    assert triage_text(report, load_policy(), Process()) is None
    clear = report_of(pdf(Page(("Echocardiography within normal limits for age and body size",))))
    assert triage_text(clear, load_policy(), Process()) == Skip(Reason.NOT_ONCOLOGY)
