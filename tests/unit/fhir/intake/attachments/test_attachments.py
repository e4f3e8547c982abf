"""Each content type as text: what a reader sees, at offsets that hold; hostile bytes end with a reason."""

import base64
import contextlib
import gzip
import html
import io
import zipfile

import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.intake.attachments.base64_data import decode_base64
from oncofhir.fhir.intake.attachments.reader import read_attachment
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.schemas.errors import OncofhirError, UnreadableReport
from oncofhir.schemas.reasons import Reason

LIMITS = IntakeLimits()
SMALL = IntakeLimits(max_attachment_bytes=2_000, max_text_characters=1_000, max_pages=2)
GERMAN = "Größe 14 mm, Östrogenrezeptor 0 %, „G2“ – µm"
CDA = 'xmlns="urn:hl7-org:v3"'


def text_of(data, content_type=None, limits=LIMITS):
    if isinstance(data, str):
        data = data.encode()
    return read_attachment(data, content_type, "x", limits).text


def reason_of(data, content_type=None, limits=LIMITS):
    with pytest.raises(UnreadableReport) as caught:
        text_of(data, content_type, limits)
    return caught.value.reason


# charsets


@pytest.mark.parametrize(
    ("charset", "declared"),
    [
        ("utf-8", "; charset=utf-8"),
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-16-le", ""),
        ("utf-16-be", ""),
        ("utf-16-le", "; charset=utf-16"),
        ("cp1252", "; charset=windows-1252"),
        ("cp1252", '; charset="ISO-8859-1"'),
        ("cp1252", "; charset=utf-8"),
        ("cp1252", "; charset=us-ascii"),
        ("cp1252", ""),
        ("cp1252", "; charset=no-such-charset"),
        ("utf-8", "; charset=iso-8859-1"),
    ],
)
def test_characters_come_through_whatever_the_label_says(charset, declared):
    assert text_of(GERMAN.encode(charset), f"text/plain{declared}") == GERMAN


def test_a_declared_charset_is_believed_where_nothing_speaks_against_it():
    text = "Опухоль молочной железы"
    assert text_of(text.encode("cp1251"), "text/plain; charset=windows-1251") == text
    japanese = "乳癌の診断"
    assert text_of(japanese.encode("shift_jis"), "text/plain; charset=Shift_JIS") == japanese
    assert text_of(japanese.encode("iso2022_jp"), "text/plain; charset=iso-2022-jp") == japanese


@pytest.mark.parametrize(
    "data",
    [
        GERMAN.encode()[:-2],  # UTF-8, cut within a character
        "Größe".encode().replace(b"\xb6", b"\xff"),
        "Größe der Läsion".encode("cp437"),
        "Zażółć gęślą jaźń".encode("cp1250"),
        bytes(range(128, 256)),
        bytes(range(32)) * 4,
    ],
    ids=["cut", "damaged", "cp437", "cp1250", "binary", "controls"],
)
def test_doubtful_bytes_are_never_guessed(data):
    assert reason_of(data, "text/plain; charset=utf-8") is Reason.UNDECODABLE_TEXT


def test_nul_becomes_a_replacement_character_and_moves_no_offset():
    text = "ER positive" * 20 + "\0" + " 95 %"
    assert text_of(text, "text/plain") == text.replace("\0", "\ufffd")


# content types


@pytest.mark.parametrize(
    "declared", ["text/plain", "text/markdown", "text/x-markdown", None, "application/octet-stream"]
)
def test_plain_text_is_unchanged(declared):
    text = "# Diagnosis\r\n\n**2.5 cm**  \n | ER | + |\n"
    assert text_of(text, declared) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("a<br>b<br/><br/>c", "a\nb\n\nc"),
        ("<p>a   b\n c&nbsp;d</p>", "a b c d"),
        ("<p>pT<sub>2</sub> <b>pN</b>1</p>", "pT2 pN1"),
        ("<p>ER &lt;1 % &amp; &#8805; 2 <3 cm</p>", "ER <1 % & ≥ 2 <3 cm"),
        (
            "<table><tr><td>ER</td><td>95 %</td></tr><tr><td>PR</td><td></td></tr></table>",
            "ER\t95 %\nPR",
        ),
        ("<pre>a\n   b  c</pre>", "a\n   b  c"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("<head><title>t</title><style>s{}</style></head><body>a<script>x()</script></body>", "a"),
        ("<p>grade <del>3</del><ins>2</ins> <s>4 cm</s></p>", "grade 2"),
        ('<p>a<span style="display: none">b</span><span hidden>c</span>d</p>', "ad"),
        ("<p>a<!-- 9 cm -->b</p>", "ab"),
        ("no markup at all <2 cm\n\nbut lines", "no markup at all <2 cm\n\nbut lines"),
    ],
)
def test_html_gives_what_is_visible(markup, text):
    assert text_of(markup, "text/html") == text


def test_xhtml_and_mislabelled_html():
    page = f'<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><body><p>{GERMAN}</p></body></html>'
    for declared in ("application/xhtml+xml", "text/html", "text/plain", "text/xml", None):
        assert text_of(page, declared) == GERMAN


def test_html_in_the_charset_that_it_declares_itself():
    page = f'<html><head><meta charset="windows-1252"></head><body>{GERMAN}</body></html>'
    assert text_of(page.encode("cp1252"), "text/html") == GERMAN


def test_html_nested_too_deep_is_refused_not_cut_off():
    deep = "<div>" * 100_000 + "end" + "</div>" * 100_000
    assert reason_of(deep, "text/html") is Reason.UNREADABLE_DOCUMENT


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (r"{\rtf1\ansi Size 2.5 cm\par ER: positive}", "Size 2.5 cm\nER: positive"),
        (r"{\rtf1\ansi\ansicpg1252 Gr\'f6\'dfe}", "Größe"),
        (r"{\rtf1\ansi\uc1 Gr\u246?\u223?e \u-10179?\u-8704?}", "Größe \U0001f600"),
        (r"{\rtf1{\fonttbl{\f0 Arial;}}{\info{\author Jane}}a}", "a"),
        (
            r'{\rtf1 see {\field{\*\fldinst{HYPERLINK "http://x.example.org"}}{\fldrslt{here}}}}',
            "see here",
        ),
    ],
)
def test_rtf(rtf, text):
    assert text_of(rtf, "application/rtf") == text
    assert text_of(rtf, "text/plain") == text, "found by its first bytes"


def pdf(*pages):
    """A PDF with these lines of text, built by hand: the smallest that there is."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for page in pages:
        stream = b"BT /F1 12 Tf 40 700 Td (%s) Tj ET" % page.encode("latin-1") if page else b""
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        content = len(objects)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R /Resources"
            b" << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
            % content
        )
        kids.append(len(objects))
    listed = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (listed, len(kids))
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        start,
    )


def test_pdf():
    for declared in ("application/pdf", "text/plain", None):
        assert (
            text_of(pdf("Tumor size 2.5 cm", "", "ER positive"), declared)
            == "Tumor size 2.5 cm\n\nER positive"
        )
    assert reason_of(pdf(""), "application/pdf") is Reason.NO_TEXT_LAYER
    assert reason_of(pdf("a")[:200], "application/pdf") is Reason.UNREADABLE_DOCUMENT
    assert reason_of(pdf("a", "b", "c"), "application/pdf", SMALL) is Reason.ATTACHMENT_TOO_LARGE
    assert reason_of(b"%PDF-1.7 nothing else", None) is Reason.UNREADABLE_DOCUMENT


def test_the_pdf_of_this_test_is_one_that_others_read():
    document = pypdfium2.PdfDocument(pdf("a"))
    assert len(document) == 1
    document.close()


CDA_DOCUMENT = f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument {CDA}><title>Pathology</title>
 <recordTarget><patientRole><patient><name>Jane Canary</name></patient></patientRole></recordTarget>
 <component><structuredBody>
  <component><section><title>Diagnosis</title><text>
    <paragraph>Left <content styleCode="Bold">breast</content>:</paragraph>
    <list><item>Grade <content revised="delete">3</content> 2</item><item>ER 95 %</item></list>
    <table><tbody><tr><td>Size</td><td>14 mm</td></tr></tbody></table></text>
   <component><section><title>Comment</title><text>a<br/>b</text></section></component>
  </section></component>
 </structuredBody></component></ClinicalDocument>"""


@pytest.mark.parametrize("declared", ["application/hl7-v3+xml", "text/xml", "text/plain", None])
def test_cda_gives_the_narrative_of_its_sections(declared):
    assert text_of(CDA_DOCUMENT, declared) == (
        "Pathology\n\nDiagnosis\n\nLeft breast:\n\nGrade 2\nER 95 %\n\nSize\t14 mm\n\nComment\n\na\nb"
    )


def non_xml(body, attributes):
    return (
        f"<ClinicalDocument {CDA}><component><nonXMLBody><text {attributes}>{body}</text></nonXMLBody>"
        "</component></ClinicalDocument>"
    )


def test_cda_with_another_document_inside():
    rtf = base64.b64encode(rb"{\rtf1 ER positive\par 14 mm}").decode()
    inside = non_xml(rtf, 'mediaType="application/rtf" representation="B64"')
    assert text_of(inside, "text/xml") == "ER positive\n14 mm"
    assert text_of(non_xml("ER &lt; 1 %", 'mediaType="text/plain"'), "text/xml") == "ER < 1 %"
    broken = non_xml(rtf[:-3], 'mediaType="application/rtf" representation="B64"')
    assert reason_of(broken, "text/xml") is Reason.INVALID_BASE64
    assert reason_of(non_xml("", ""), "text/xml") is Reason.EMPTY_ATTACHMENT


def test_other_xml_gives_its_text():
    assert (
        text_of("<report><size unit='cm'>2.5</size><er>positive</er> end</report>", "text/xml")
        == "2.5\npositive\nend"
    )


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]><a>&b;</a>',
        "<a>" * 5_000 + "</a>" * 5_000,
        "<a><b></a>",
        "<a>",
    ],
    ids=["entity", "external entity", "bomb", "deep", "crossed", "cut off"],
)
def test_dangerous_or_broken_xml_is_refused(document):
    assert reason_of(document, "text/xml") is Reason.UNREADABLE_DOCUMENT


def docx(body):
    packed = io.BytesIO()
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>',
        )
    return packed.getvalue()


def test_docx():
    cells = "".join(
        f"<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>" for text in ("ER", "95 %")
    )
    row = f"<w:tr>{cells}</w:tr>"
    body = (
        f"<w:p><w:r><w:t>Grade </w:t><w:delText>3</w:delText><w:t>2</w:t></w:r></w:p><w:tbl>{row}</w:tbl>"
        "<w:p><w:r><w:t>14</w:t><w:tab/><w:t>mm</w:t></w:r></w:p>"
    )
    assert text_of(docx(body), None) == "Grade 2\nER\t95 %\t\n14\tmm"
    assert reason_of(docx("<w:p/>" * 100_000), None, SMALL) is Reason.ATTACHMENT_TOO_LARGE
    assert reason_of(docx("a")[:-30], None) is Reason.UNREADABLE_DOCUMENT


def test_gzip_under_another_name_is_unpacked_within_limits():
    assert text_of(gzip.compress(GERMAN.encode()), "text/plain") == GERMAN
    assert text_of(gzip.compress(CDA_DOCUMENT.encode()), "text/plain").startswith("Pathology")
    assert (
        reason_of(gzip.compress(b"a" * 100_000), "text/plain", SMALL) is Reason.ATTACHMENT_TOO_LARGE
    )
    assert reason_of(gzip.compress(b"a" * 100)[:-12], "text/plain") is Reason.UNREADABLE_DOCUMENT
    onion = b"a"
    for _ in range(10):
        onion = gzip.compress(onion)
    assert reason_of(onion) is Reason.UNREADABLE_DOCUMENT


@pytest.mark.parametrize(
    ("data", "declared", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n", None, Reason.IMAGE_ATTACHMENT),
        (b"\xff\xd8\xff\xe0", "text/plain", Reason.IMAGE_ATTACHMENT),
        (b"anything", "image/tiff", Reason.IMAGE_ATTACHMENT),
        (b"\0" * 128 + b"DICM", "application/dicom", Reason.IMAGE_ATTACHMENT),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "application/msword",
            Reason.UNSUPPORTED_CONTENT_TYPE,
        ),
        (b"{}", "application/json", Reason.UNSUPPORTED_CONTENT_TYPE),
        (b"", "text/plain", Reason.EMPTY_ATTACHMENT),
        (b" \n\t ", "text/plain", Reason.EMPTY_ATTACHMENT),
        (b"<html><body></body></html>", "text/html", Reason.EMPTY_ATTACHMENT),
        (b"a" * 3_000, "text/plain", Reason.ATTACHMENT_TOO_LARGE),
        (b"a" * 1_500, "text/plain", Reason.TEXT_TOO_LONG),
    ],
)
def test_what_cannot_be_read_has_its_reason(data, declared, reason):
    assert reason_of(data, declared, SMALL) is reason


# base64


def reason_of_base64(data, **stated):
    with pytest.raises(UnreadableReport) as caught:
        decode_base64(data, "x", 1_000, **stated)
    return caught.value.reason


def test_base64_is_strict_but_for_white_space():
    assert decode_base64("aGVs\r\n bG8=\t", "x", 1_000) == b"hello"
    assert decode_base64("_-8=", "x", 1_000) == b"\xff\xef", "the URL-safe alphabet"
    for broken in ("aGVsbG8", "aGVsb", "aGVs*G8=", "aGVsbG8=aGVsbG8=", "aGVsbG8==", "=", "é"):
        assert reason_of_base64(broken) is Reason.INVALID_BASE64
    assert reason_of_base64("A" * 4_000) is Reason.ATTACHMENT_TOO_LARGE
    assert reason_of_base64("A" * 400_000) is Reason.ATTACHMENT_TOO_LARGE


def test_missing_padding_is_accepted_when_the_size_or_hash_says_that_nothing_else_is_missing():
    sha1 = "qvTGHdzF6KLavt4PO0gs2a6pQ00="
    assert decode_base64("aGVsbG8", "x", 1_000, size=5) == b"hello"
    assert decode_base64("aGVsbG8", "x", 1_000, sha1=sha1) == b"hello"
    assert reason_of_base64("aGVsbG8", size=6) is Reason.ATTACHMENT_SIZE_MISMATCH


def test_size_and_hash_are_verified():
    assert (
        decode_base64("aGVsbG8=", "x", 1_000, size=5, sha1="qvTGHdzF6KLavt4PO0gs2a6pQ00=")
        == b"hello"
    )
    assert decode_base64("aGVsbG8=", "x", 1_000, size=8) == b"hello", "the size of the encoded data"
    assert decode_base64("aGVsbG8=", "x", 1_000, sha1="aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d")
    assert reason_of_base64("aGVsbG8=", size=4) is Reason.ATTACHMENT_SIZE_MISMATCH
    assert reason_of_base64("aGVsbG8=", sha1="AAAA") is Reason.ATTACHMENT_HASH_MISMATCH


# any text, any bytes

READABLE = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"], include_characters="\t\n\r", exclude_characters="\xad"
    ),
    max_size=200,
).filter(str.strip)


@given(READABLE)
def test_any_text_comes_back_from_plain_text(text):
    assert text_of(text.encode(), "text/plain; charset=utf-8") == text.removeprefix(
        "\ufeff"
    ) or text.lstrip("\ufeff \n\r\t").startswith(("<", "{\\rtf", "%PDF"))


@given(st.lists(READABLE, min_size=1, max_size=4))
def test_any_text_comes_back_from_html(paragraphs):
    page = (
        "<!DOCTYPE html><html><body>"
        + "".join(f"<p>{html.escape(p)}</p>" for p in paragraphs)
        + "</body></html>"
    )
    read = text_of(page, "text/html; charset=utf-8")
    position = 0
    for word in " ".join(paragraphs).split():
        position = read.index(word, position) + len(word)


STARTS = st.sampled_from(
    [
        b"",
        b"%PDF-1.7\n",
        b"{\\rtf1",
        b"<html>",
        b"<?xml version='1.0'?>",
        b"PK\x03\x04word/",
        b"\x1f\x8b\x08",
        b"\xff\xfe",
    ]
)
TYPES = st.sampled_from(
    [
        None,
        "text/plain",
        "text/html",
        "text/xml",
        "application/rtf",
        "application/pdf",
        "text/plain; charset=utf-16",
    ]
)


@given(STARTS, st.binary(max_size=400), TYPES)
def test_no_bytes_raise_anything_else(start, data, content_type):
    with contextlib.suppress(OncofhirError):
        assert text_of(start + data, content_type)


@given(st.text(alphabet="{}\\'rtfuc01-9abpardfieldinst* \nHYPERLINK\"", max_size=300))
def test_no_rtf_raises_anything_else(body):
    with contextlib.suppress(OncofhirError):
        text_of("{\\rtf1" + body, "application/rtf")
