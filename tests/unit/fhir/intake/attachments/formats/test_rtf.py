"""RTF: read to the end of the file; what was deleted, moved, struck out or hidden is left out."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.intake.attachments.reader import read_attachment
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.schemas.errors import OncofhirError, UnreadableReport
from oncofhir.schemas.reasons import Reason

LIMITS = IntakeLimits()


def text_of(rtf, content_type="application/rtf"):
    data = rtf.encode("latin-1") if isinstance(rtf, str) else rtf
    return read_attachment(data, content_type, "x", LIMITS).text


UNSEEN = {
    "deleted": (r"{\rtf1 Grade {\deleted\revauthdel2 3 }{\revised\revauth2 2}}", "Grade 2"),
    "deleted paragraph": (r"{\rtf1 a\par {\deleted b\par c\par }d}", "a\nd"),
    "deleted, ended by a zero": (r"{\rtf1 Grade \deleted 3 \deleted0 2}", "Grade 2"),
    "struck out": (r"{\rtf1 pT{\strike 4}1c}", "pT1c"),
    "struck out twice": (r"{\rtf1 pT\striked1 4\striked0 1c}", "pT1c"),
    "struck out with code points": (r"{\rtf1 {\strike \u8805?\'b3 9}\u8805? 1 %}", "≥ 1 %"),
    "hidden": (r"{\rtf1\v 9.9 cm\v0  1.1 cm}", "1.1 cm"),
    "hidden until plain": (r"{\rtf1 {\v 9.9 cm\plain 1.1 cm}}", "1.1 cm"),
    "hidden in an outer group": (r"{\rtf1 {\v a {\b b} c} d}", "d"),
    "moved away": (r"{\rtf1 {\mvf\mvauth1 9 cm }{\mvt 1 cm}}", "1 cm"),
    "hidden cell": (r"{\rtf1\trowd ER\cell {\v 0 %}\cell 95 %\cell\row}", "ER\t\t95 %"),
    "still there": (r"{\rtf1 {\strike0 1.1 cm}{\v0 , left}{\b\i , G2}}", "1.1 cm, left, G2"),
}


@pytest.mark.parametrize("case", UNSEEN)
def test_what_was_taken_back_or_hidden_is_left_out(case):
    rtf, text = UNSEEN[case]
    assert text_of(rtf) == text


TO_THE_END = {
    "two documents": (
        r"{\rtf1 Diagnosis: G2}{\rtf1 Addendum: HER2 positive}",
        "Diagnosis: G2\n\nAddendum: HER2 positive",
    ),
    "three, with padding": ("{\\rtf1 a}\0\0\n{\\rtf1 b}\r\n{ \\rtf1 c}\0", "a\n\nb\n\nc"),
    "a code page each": (
        b"{\\rtf1\\ansicpg1252 Gr\\'f6\\'dfe}{\\rtf1\\ansicpg1251 \\'c3\\'f0\\'e0\\'e4}",
        "Größe\n\nГрад",
    ),
    "text behind the end": (
        "{\\rtf1 Grade 2}\r\nADDENDUM\r\nHER2: positive\r\n",
        "Grade 2\n\nADDENDUM\r\nHER2: positive",
    ),
    "text between documents": ("{\\rtf1 a} see also: {\\rtf1 b}", "a\n\nsee also:\n\nb"),
    "an unescaped brace": (r"{\rtf1 size } 1.4 cm\par ER positive}", "size } 1.4 cm\nER positive"),
    "two unescaped braces": (r"{\rtf1 a } b } c\par d}", "a } b } c\nd"),
    "a brace that is never closed": (
        r"{\rtf1 size {1.4 cm\par ER positive",
        "size 1.4 cm\nER positive",
    ),
    "cut off": (r"{\rtf1 {\b Grade 2\par ER pos", "Grade 2\nER pos"),
    "white space before it": ("\n {\\rtf1 a}", "a"),
}


@pytest.mark.parametrize("case", TO_THE_END)
def test_files_are_read_to_the_end(case):
    rtf, text = TO_THE_END[case]
    assert text_of(rtf) == text


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (
            r"{\rtf1 G2{\super\chftn}{\footnote\pard 1: Nottingham} here}",
            "G2 here\n\n1: Nottingham",
        ),
        (r"{\rtf1 14 mm{\*\annotation {\*\atndate 1}checked by CT}.}", "14 mm.\n\nchecked by CT"),
        (
            r"{\rtf1 a{\shp{\*\shpinst{\sp{\sn f}{\sv 1}}{\shptxt\pard In a box\par}}{\shprslt{\*\do old}}}}",
            "a\n\nIn a box",
        ),
        (r"{\rtf1{\*\do\dobxpage{\dptxbxtext Old box}}b}", "b\n\nOld box"),
        (r"{\rtf1{\*\unknown y}{\pict 0102}z}", "z"),
        (
            r"{\rtf1{\header Pathology\par}{\footer Signed}a{\footnote n}}",
            "Pathology\n\na\n\nn\n\nSigned",
        ),
        (r"{\rtf1{\header Same}a\sect{\header Same}{\header Other}b}", "Same\n\nOther\n\na\n\nb"),
        (r"{\rtf1{\headerf First}{\headerl Left}{\headerr Right}z}", "Right\n\nz"),
        (r"{\rtf1\titlepg\facingp{\headerf First}{\headerl Left}z}", "First\n\nLeft\n\nz"),
        (r"{\rtf1{\header Left{\v  hidden}{\deleted  old}}{\info{\author x}}z}", "Left\n\nz"),
        (r"{\rtf1{\header{\pict 01}}z}", "z"),
        (
            r"{\rtf1{\stylesheet{\s0 Normal;}}{\colortbl;\red1;}{\listtext 1.\tab}Breast}",
            "1.\tBreast",
        ),
        (r"{\rtf1{\upr{?}{\*\ud{\u214?}}}strogen}", "Östrogen"),
        (r"{\rtf1 in\-vasive, pT1\_2, ER\~1 %}", "invasive, pT1-2, ER\xa01 %"),
        (r"{\rtf1\uc2 a\u8805\'3e\'3d b}", "a≥ b"),
        (r"{\rtf1\uc0 a\u8805 b}", "a≥b"),
        (r"{\rtf1{\fonttbl{\f0\fcharset128 MS;}}\f0 \'93\'fb\'8a\'e0}", "乳癌"),
        (r"{\rtf1{\fonttbl{\f0 A;}{\f3\fcharset2 Symbol;}}\f0 ER {\f3\'b3} 1 %", "ER ≥ 1 %"),
        (
            r"{\rtf1{\fonttbl{\f0 A;}{\f4\fcharset2 Wingdings;}}{\f4\'fe} pT1 {\f4 o} pT2}",
            "☒ pT1 ☐ pT2",
        ),
        ("{\\rtf1 a{\\*\\blob\\bin4 }{}}}b}", "ab"),
        ("{\\rtf1 Größe}".encode(), "Größe"),
    ],
)
def test_text_stands_where_readers_find_it(rtf, text):
    assert text_of(rtf) == text


def test_bytes_that_are_not_of_the_code_page_are_refused():
    with pytest.raises(UnreadableReport) as caught:
        text_of(r"{\rtf1{\fonttbl{\f0\fcharset128 MS;}}\f0 \'93}")
    assert caught.value.reason is Reason.UNDECODABLE_TEXT
    with pytest.raises(UnreadableReport) as caught:
        text_of(r"{\rtf1\ansicpg99999 a}")
    assert caught.value.reason is Reason.UNDECODABLE_TEXT


# fmt: off
WORDS = st.sampled_from([
    "{", "}", "\\rtf1", "{\\rtf1 ", "\\v", "\\v0", "\\strike ", "\\deleted", "\\plain", "\\'e4", "\\u8805?",
    "\\uc3 ", "\\bin9 ", "\\*", "\\footnote", "\\shptxt", "\\upr", "\\ud", "\\fonttbl", "\\f1", "\\fcharset2 ",
    "\\par", "\\", "\\ansicpg932 ", "\\fldinst", "text", "\x00", "\n", ";", "é",
])
# fmt: on


@given(st.lists(WORDS, max_size=40))
def test_no_nesting_raises_anything_but_a_reason(pieces):
    with contextlib.suppress(OncofhirError):
        assert text_of("{\\rtf1" + "".join(pieces))


@given(
    st.lists(st.text("ab c1.", min_size=1, max_size=8).filter(str.strip), min_size=1, max_size=5)
)
def test_any_number_of_documents_is_read(texts):
    joined = "".join("{\\rtf1 " + text + "}" for text in texts)
    assert text_of(joined).split() == " ".join(texts).split()
