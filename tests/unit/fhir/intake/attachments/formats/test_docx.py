"""DOCX: what was deleted, moved, struck out or hidden is left out; notes and embedded documents are read."""

import contextlib
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncofhir.fhir.intake.attachments.reader import read_attachment
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.schemas.errors import OncofhirError, UnreadableReport
from oncofhir.schemas.reasons import Reason
from tests.documents import WORD, docx

LIMITS = IntakeLimits()
W = f'xmlns:w="{WORD}"'


def text_of(data, limits=LIMITS):
    return read_attachment(data, None, "x", limits).text


def reason_of(data, limits=LIMITS):
    with pytest.raises(UnreadableReport) as caught:
        text_of(data, limits)
    return caught.value.reason


def run(text, properties=""):
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def style(kind, ident, properties, based_on="", default=False):
    based = f'<w:basedOn w:val="{based_on}"/>' if based_on else ""
    marked = ' w:default="1"' if default else ""
    return f'<w:style w:type="{kind}" w:styleId="{ident}"{marked}>{based}<w:rPr>{properties}</w:rPr></w:style>'


UNSEEN = {
    "hidden": run("9 cm ", "<w:vanish/>") + run("1 cm"),
    "hidden, spelled out": run("9 cm ", '<w:vanish w:val="on"/>') + run("1 cm"),
    "struck out": run("9 cm ", "<w:strike/>") + run("1 cm"),
    "struck out twice": run("9 cm ", "<w:dstrike/>") + run("1 cm"),
    "deleted": f'<w:del w:id="1">{run("9 cm ")}</w:del>' + run("1 cm"),
    "moved": f'<w:moveFrom w:id="1">{run("9 cm ")}</w:moveFrom><w:moveTo w:id="2">{run("1 cm")}</w:moveTo>',
    "inserted": f'<w:ins w:id="1">{run("1 cm")}</w:ins>',
    "not hidden": run("1 cm", '<w:vanish w:val="0"/><w:strike w:val="false"/>'),
    "by a style": run("9 cm ", '<w:rStyle w:val="Gone"/>') + run("1 cm"),
    "by a style that is based on one": run("9 cm ", '<w:rStyle w:val="More"/>') + run("1 cm"),
    "a style undone": run("1 cm", '<w:rStyle w:val="Gone"/><w:strike w:val="0"/>'),
}
STYLES = (
    f"<w:styles {W}>{style('character', 'Gone', '<w:strike/>')}{style('character', 'More', '', 'Gone')}"
    f"{style('paragraph', 'Old', '<w:strike/>')}{style('paragraph', 'Normal', '', default=True)}</w:styles>"
)


def styled(body):
    return docx(body, {"styles.xml": ("styles", STYLES)})


@pytest.mark.parametrize("case", UNSEEN)
def test_what_was_taken_back_or_hidden_is_left_out(case):
    assert text_of(styled(f"<w:p>{UNSEEN[case]}</w:p>")) == "1 cm"


def test_styles_of_paragraphs_count_too():
    old = f'<w:p><w:pPr><w:pStyle w:val="Old"/></w:pPr>{run("9 cm")}</w:p>'
    undone = f'<w:p><w:pPr><w:pStyle w:val="Old"/></w:pPr>{run("1 cm", "<w:rStyle w:val=" + chr(34) + "Gone" + chr(34) + "/>")}</w:p>'
    assert text_of(styled(f"{old}<w:p>{run('2 cm')}</w:p>")) == "2 cm"
    assert text_of(styled(undone)) == "1 cm", (
        "two styles that strike out cancel each other (17.7.3)"
    )


def test_deleted_rows_and_cells_of_tables():
    def cell(text, properties=""):
        return f"<w:tc><w:tcPr>{properties}</w:tcPr><w:p>{run(text)}</w:p></w:tc>"

    gone = f'<w:tr><w:trPr><w:del w:id="1"/></w:trPr>{cell("ER")}{cell("0 %")}</w:tr>'
    kept = f"<w:tr>{cell('PR')}{cell('5 %', '<w:cellDel w:id=' + chr(34) + '2' + chr(34) + '/>')}{cell('95 %')}</w:tr>"
    assert text_of(styled(f"<w:tbl>{gone}{kept}</w:tbl>")) == "PR\t95 %"


def test_a_deleted_end_of_a_paragraph_joins_it_to_the_next():
    mark = '<w:pPr><w:rPr><w:del w:id="1"/></w:rPr></w:pPr>'
    assert text_of(styled(f"<w:p>{mark}{run('pT1c')}</w:p><w:p>{run('pN0')}</w:p>")) == "pT1c pN0"


def test_a_text_box_is_read_once():
    box = (
        "<mc:AlternateContent><mc:Choice Requires='wps'><w:txbxContent>%s</w:txbxContent></mc:Choice>"
        "<mc:Fallback><w:pict><w:txbxContent>%s</w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent>"
    )
    inner = f"<w:p>{run('ER 95 %')}</w:p>"
    assert text_of(styled(f"<w:p><w:r>{box % (inner, inner)}</w:r></w:p>")) == "ER 95 %"
    assert text_of(styled(f"<w:p><w:r>{box % ('', inner)}</w:r></w:p>")) == "ER 95 %"


def test_notes_and_comments_follow_the_text():
    notes = f'<w:footnotes {W}><w:footnote w:type="separator" w:id="0"><w:p>{run("---")}</w:p></w:footnote><w:footnote w:id="1"><w:p>{run("Nottingham")}</w:p></w:footnote></w:footnotes>'
    comments = f'<w:comments {W}><w:comment w:id="1"><w:p>{run("HER2: positive")}{run("negative", "<w:strike/>")}</w:p></w:comment></w:comments>'
    ends = (
        f'<w:endnotes {W}><w:endnote w:id="1"><w:p>{run("AJCC 8")}</w:p></w:endnote></w:endnotes>'
    )
    document = docx(
        f"<w:p>{run('Grade 2')}</w:p>",
        {
            "footnotes.xml": ("footnotes", notes),
            "endnotes.xml": ("endnotes", ends),
            "comments.xml": ("comments", comments),
        },
    )
    assert text_of(document) == "Grade 2\nNottingham\nAJCC 8\nHER2: positive"


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("part.html", "<html><body><p>ER <del>0</del> 95 %</p></body></html>", "ER  95 %"),
        ("part.rtf", r"{\rtf1 ER {\strike 0 }95 %}", "ER 95 %"),
        ("part.txt", "ER 95 %", "ER 95 %"),
        ("part.docx", docx(f"<w:p>{run('ER 95 %')}</w:p>"), "ER 95 %"),
    ],
)
def test_embedded_documents_stand_in_their_place(name, content, text):
    body = f"<w:p>{run('before')}</w:p><w:altChunk r:id='r1'/><w:p>{run('behind')}</w:p>"
    document = docx(body, {name: ("aFChunk", content)})
    assert " ".join(text_of(document).split()) == f"before {' '.join(text.split())} behind"


def test_an_embedded_document_that_is_missing_is_no_silence():
    assert reason_of(docx("<w:altChunk r:id='r7'/>")) is Reason.UNREADABLE_DOCUMENT


def test_symbols_hyphens_and_tab_stops():
    boxes = '<w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:t> pT1 </w:t><w:sym w:font="Wingdings" w:char="F06F"/><w:t> pT2</w:t></w:r>'
    least = '<w:r><w:sym w:font="Symbol" w:char="F0B3"/><w:t>1 %, in</w:t><w:softHyphen/><w:t>vasive</w:t></w:r>'
    stops = '<w:pPr><w:tabs><w:tab w:val="left" w:pos="1"/></w:tabs></w:pPr>'
    assert (
        text_of(styled(f"<w:p>{stops}{boxes}</w:p><w:p>{least}</w:p>"))
        == "☒ pT1 ☐ pT2\n≥1 %, invasive"
    )


def test_all_parts_together_stay_within_the_limit():
    small = IntakeLimits(max_attachment_bytes=20_000)
    comment = f"<w:comments {W}>" + "<w:comment w:id='1'><w:p/></w:comment>" * 600 + "</w:comments>"
    document = docx("<w:p/>" * 500 + run("a"), {"comments.xml": ("comments", comment)})
    assert len(document) < 20_000
    assert reason_of(document, small) is Reason.ATTACHMENT_TOO_LARGE


def test_another_name_of_the_document_part_is_found():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            "_rels/.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="1"'
            ' Type="http://x/officeDocument" Target="/word/document2.xml"/></Relationships>',
        )
        archive.writestr(
            "word/document2.xml",
            f"<w:document {W}><w:body><w:p>{run('a')}</w:p></w:body></w:document>",
        )
    assert text_of(packed.getvalue()) == "a"


@settings(max_examples=60)
@given(data=st.data())
def test_no_damaged_part_raises_anything_but_a_reason(data):
    part = bytearray(
        f"<w:comments {W}><w:comment w:id='1'><w:p>{run('a')}</w:p></w:comment></w:comments>".encode()
    )
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(part) - 1))
        part[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    kind = data.draw(st.sampled_from(["comments", "styles", "footnotes", "aFChunk"]))
    with contextlib.suppress(OncofhirError):
        assert text_of(
            docx(f"<w:p>{run('b')}</w:p><w:altChunk r:id='r1'/>", {"part": (kind, bytes(part))})
        )


def with_margins(section, settings="", **parts):
    """A document with page headers and footers; relationship ids follow the order of the parts, from r1."""
    named = {
        name.replace("_", ".", 1): (name.rstrip("0123456789_xml"), part(name, text))
        for name, text in parts.items()
    }
    if settings:
        named["settings.xml"] = ("settings", f"<w:settings {W}>{settings}</w:settings>")
    return docx(f"<w:p>{run('body')}</w:p><w:sectPr>{section}</w:sectPr>", named)


def part(name, text):
    tag = "hdr" if name.startswith("header") else "ftr"
    return f"<w:{tag} {W}><w:p>{run(text)}</w:p></w:{tag}>"


def reference(kind, number, which="default"):
    return f'<w:{kind}Reference w:type="{which}" r:id="r{number}"/>'


def test_page_headers_come_first_and_footers_last():
    section = reference("header", 1) + reference("footer", 2)
    data = with_margins(section, header1_xml="PATHOLOGY", footer1_xml="Signed by")
    assert text_of(data) == "PATHOLOGY\nbody\nSigned by"


def test_a_header_that_repeats_is_read_once():
    section = reference("header", 1) + reference("header", 2, "first") + "<w:titlePg/>"
    data = with_margins(section, header1_xml="PATHOLOGY", header2_xml="PATHOLOGY")
    assert text_of(data) == "PATHOLOGY\nbody"


@pytest.mark.parametrize(
    ("section", "settings", "text"),
    [
        ("", "", "body"),  # a part that no section names is on no page
        (reference("header", 1, "first"), "", "body"),
        (reference("header", 1, "first") + '<w:titlePg w:val="0"/>', "", "body"),
        (reference("header", 1, "first") + "<w:titlePg/>", "", "ER 9 %\nbody"),
        (reference("header", 1, "even"), "", "body"),
        (reference("header", 1, "even"), "<w:evenAndOddHeaders/>", "ER 9 %\nbody"),
        (reference("header", 77), "", "body"),
    ],
)
def test_a_header_that_no_page_shows_is_left_out(section, settings, text):
    assert text_of(with_margins(section, settings, header1_xml="ER 9 %")) == text


def test_what_was_taken_back_in_a_header_is_left_out():
    header = f"<w:hdr {W}><w:p>{UNSEEN['struck out']}</w:p></w:hdr>"
    section = f"<w:sectPr>{reference('header', 1)}</w:sectPr>"
    data = docx(f"<w:p>{run('body')}</w:p>{section}", {"header1.xml": ("header", header)})
    assert text_of(data) == "1 cm\nbody"
