"""CDA's narrative as a reader sees it, whole documents and fragments, and what a non-XML body holds."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.intake.attachments.reader import read_attachment
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.schemas.errors import OncofhirError, UnreadableReport
from oncofhir.schemas.reasons import Reason
from tests.pdfs import Page, pdf

NAMESPACE = 'xmlns="urn:hl7-org:v3"'
LIMITS = IntakeLimits()


def text_of(markup, declared="text/xml"):
    return read_attachment(markup.encode(), declared, "x", LIMITS).text


def document(body, namespace=NAMESPACE):
    return (
        f"<ClinicalDocument {namespace}><title>Pathology</title><recordTarget><patientRole><patient>"
        "<name>Jane Canary</name></patient></patientRole></recordTarget>"
        f"<component>{body}</component></ClinicalDocument>"
    )


def section(text, more="", title="Diagnosis"):
    return (
        f"<structuredBody><component><section><title>{title}</title><text>{text}</text>{more}"
        "</section></component></structuredBody>"
    )


def embedded(data, media_type):
    body = base64.b64encode(data).decode()
    return document(
        f'<nonXMLBody><text mediaType="{media_type}" representation="B64">{body}</text></nonXMLBody>'
    )


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('a <content styleCode="Bold">b</content> c', "a b c"),
        ("a<br/>b<br/>c", "a\nb\nc"),
        ("<paragraph>a</paragraph><paragraph>b</paragraph>", "a\n\nb"),
        (
            (
                "<table><caption>Markers</caption><thead><tr><th>Marker</th><th>Result</th></tr></thead>"
                "<tbody><tr><td>ER</td><td>95&#160;%</td></tr><tr><td>PR</td><td/></tr></tbody></table>"
            ),
            "Markers\nMarker\tResult\nER\t95 %\nPR",
        ),
        (
            (
                '<list listType="ordered"><caption>Found</caption><item>a</item><item>b'
                "<list><item>c</item></list></item></list>"
            ),
            "Found\na\nb\n\nc",
        ),
        ("pT<sub>2</sub>N<sup>1</sup>", "pT2N1"),
        (
            'grade <content revised="delete">3</content><content revised="insert">2</content>',
            "grade 2",
        ),
        (
            '<renderMultiMedia referencedObject="i"><caption>Slide</caption></renderMultiMedia>',
            "Slide",
        ),
        ("<table><tr><td>a<br/>b</td><td>c</td></tr></table>", "a\nb\tc"),
    ],
)
def test_narrative(markup, text):
    assert text_of(document(section(markup))) == f"Pathology\n\nDiagnosis\n\n{text}"
    assert text_of(f"<text {NAMESPACE}>{markup}</text>") == text
    assert text_of(f"<text>{markup}</text>") == text


def test_nested_sections_follow_their_parents_and_entries_are_left_out():
    inner = (
        "<entry><observation><value>coded</value></observation></entry>"
        "<component><section><title>Margins</title><text>free</text></section></component>"
    )
    expected = "Diagnosis\n\nouter\n\nMargins\n\nfree"
    assert text_of(document(section("outer", inner))) == f"Pathology\n\n{expected}"
    alone = section("outer", inner).partition("<component>")[2].rpartition("</component>")[0]
    assert text_of(alone) == expected
    named = alone.replace("<section>", f"<section {NAMESPACE}>", 1)
    for declared in ("text/xml", "application/hl7-cda+xml", "text/plain", None):
        assert text_of(named, declared) == expected


def test_a_document_without_its_namespace_or_with_a_prefix_is_one_still():
    assert text_of(document(section("a"), namespace="")) == "Pathology\n\nDiagnosis\n\na"
    prefixed = document(section("a")).replace("</", "</c:").replace("<", "<c:")
    prefixed = prefixed.replace("<c:/c:", "</c:").replace("xmlns=", "xmlns:c=")
    assert text_of(prefixed) == "Pathology\n\nDiagnosis\n\na"


def test_other_xml_is_no_cda_because_of_a_name():
    assert text_of("<text><p>a</p><name>b</name></text>") == "a\nb"
    assert text_of("<section><p>a</p>b</section>") == "a\nb"
    assert text_of('<text xmlns="urn:other"><content>a</content></text>') == "a"


@pytest.mark.parametrize(
    ("data", "media_type", "text"),
    [
        ("Größe 2 cm".encode(), "text/plain", "Größe 2 cm"),
        (rb"{\rtf1 Size 2 cm\par ER}", "text/rtf", "Size 2 cm\nER"),
        (rb"{\rtf1 Size 2 cm}", "application/rtf", "Size 2 cm"),
        (pdf(Page(("Size 2 cm",))), "application/pdf", "Size 2 cm"),
        (b"<p>Size</p><p>2 cm</p>", "text/html", "Size\n\n2 cm"),
    ],
)
def test_what_a_body_holds(data, media_type, text):
    assert text_of(embedded(data, media_type)) == text


@pytest.mark.parametrize(
    ("markup", "reason"),
    [
        (
            document(
                '<nonXMLBody><text mediaType="application/pdf"><reference value="x.pdf"/></text></nonXMLBody>'
            ),
            Reason.EMPTY_ATTACHMENT,
        ),
        (embedded(b"\x89PNG\r\n\x1a\n", "image/png"), Reason.IMAGE_ATTACHMENT),
        (embedded(pdf(Page(has_image=True)), "application/pdf"), Reason.NO_TEXT_LAYER),
        (document(section("a"))[:-20], Reason.UNREADABLE_DOCUMENT),
        (
            document('<nonXMLBody><text representation="B64">*</text></nonXMLBody>'),
            Reason.INVALID_BASE64,
        ),
    ],
)
def test_what_cannot_be_read_has_its_reason(markup, reason):
    with pytest.raises(UnreadableReport) as caught:
        text_of(markup)
    assert caught.value.reason is reason


ELEMENTS = st.sampled_from(
    ["text", "section", "title", "component", "entry", "table", "tr", "td", "list", "item", "br"]
)
CONTENT = st.recursive(
    st.sampled_from(["a", " ", "2 cm", ""]),
    lambda inner: st.tuples(ELEMENTS, st.lists(inner, max_size=4)).map(
        lambda node: f"<{node[0]}>{''.join(node[1])}</{node[0]}>"
    ),
    max_leaves=20,
)


@given(CONTENT, st.sampled_from([NAMESPACE, ""]))
def test_no_cda_raises_anything_else(content, namespace):
    for markup in (document(content, namespace), f"<section {namespace}>{content}</section>"):
        with contextlib.suppress(OncofhirError):
            assert text_of(markup)
