import html
import re

from hypothesis import given
from hypothesis import strategies as st

from oncofhir.review.web.marked_text import MAX_BLOCK, Mark, blocks

TEXT = "HISTORY\nLump.\nDIAGNOSIS\nInvasive ductal carcinoma, 21 mm."


def test_evidence_is_marked_and_linked_with_its_finding():
    (block,) = blocks(TEXT, [], [Mark(24, 49, "evidence", (("f-1", "1"),))])
    assert 'class="evidence" data-findings="f-1"' in block.html
    assert '<a class="to-finding" href="#f-1" aria-label="to finding 1">1</a></mark>' in block.html


def test_a_section_begins_a_block_with_its_title():
    found = list(blocks(TEXT, [(0, "HISTORY"), (14, "Final diagnosis")], []))
    assert [(b.title, b.start, b.ends) for b in found] == [
        (None, 0, 14),  # the report has the words itself: they are bold
        ("Final diagnosis", 14, len(TEXT)),
    ]
    assert '<b><span data-start="0">HISTORY</span></b>' in found[0].html


def test_overlapping_marks_have_both_kinds_where_they_overlap():
    (block,) = blocks("0123456789", [], [Mark(2, 6, "evidence"), Mark(4, 8, "lesion")])
    assert re.findall(r'<mark class="([a-z ]+)"', str(block.html)) == [
        "evidence",
        "evidence lesion",
        "lesion",
    ]


def test_a_long_text_is_cut_at_line_breaks():
    text = "0123456789\n" * 200_000  # 2.2 MB
    found = list(blocks(text, [], []))
    assert max(b.ends - b.start for b in found) <= MAX_BLOCK
    assert all(text[b.ends - 1] == "\n" for b in found)


@given(
    st.text(max_size=80),
    st.lists(st.tuples(st.integers(0, 90), st.text(max_size=5)), max_size=4),
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), max_size=6),
)
def test_the_whole_text_is_shown_once_in_order(text, sections, spans):
    marks = [Mark(a, b, "evidence") for a, b in spans]
    at = 0
    for block in blocks(text, sections, marks):
        assert block.start == at
        for began, length, content in re.findall(
            r'data-start="(\d+)"(?: data-length="(\d+)")?[^>]*>([^<]*)<', str(block.html)
        ):
            assert int(began) == at
            at += int(length) if length else len(html.unescape(content))
    assert at == len(text)
