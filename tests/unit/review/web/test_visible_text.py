import html
import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from oncofhir.review.web.visible_text import visible

TAG = re.compile(r"<[^>]*>")
HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("<>&\"'\u202e\u2066\u200b\ufeff\x00\x1b\n\t\U000e0001\ud800"),
    ),
    max_size=60,
)


def shown(markup: Markup) -> str:
    """What a reader sees of HTML."""
    return html.unescape(TAG.sub("", str(markup)))


def test_markup_is_text():
    assert visible("<script>alert(1)</script>") == "&lt;script&gt;alert(1)&lt;/script&gt;"


def test_a_bidirectional_control_is_a_marker_with_its_name():
    marked = str(visible("left \u202ethgir"))
    assert "\u202e" not in marked
    assert 'title="U+202E RIGHT-TO-LEFT OVERRIDE">U+202E</span>' in marked


def test_line_breaks_and_tabs_stay():
    assert visible("a\n\tb") == "a\n\tb"


@given(HOSTILE)
def test_nothing_invisible_and_no_markup_of_the_text_is_left(text):
    marked = str(visible(text))
    assert not any(c in marked for c in text if unicodedata.category(c) in {"Cf", "Cs"})
    assert not any(
        c in marked for c in text if unicodedata.category(c) == "Cc" and c not in "\n\t\r"
    )
    assert set(re.findall(r"</?(\w+)", marked)) <= {"span"}


@given(HOSTILE, st.integers(0, 10_000))
def test_offsets_cover_the_text_without_gaps(text, start):
    pieces = re.findall(
        r'data-start="(\d+)"(?: data-length="(\d+)")?[^>]*>([^<]*)<', str(visible(text, start))
    )
    at = start
    for began, length, content in pieces:
        assert int(began) == at
        at += int(length) if length else len(html.unescape(content))
    assert at == start + len(text)
