"""HTML: values of form fields, hidden and struck-out text, and fragments under another name."""

import pytest

from oncofhir.fhir.intake.attachments.reader import read_attachment
from oncofhir.fhir.intake.limits import IntakeLimits

LIMITS = IntakeLimits()


def text_of(markup, content_type="text/html"):
    return read_attachment(markup.encode(), content_type, "x", LIMITS).text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('<p>Size: <input value="1.4 cm">, left</p>', "Size: 1.4 cm , left"),
        ('<p>Grade <input type="number" value=2></p>', "Grade 2"),
        ("<p>ER<textarea>95 %\nstrong</textarea></p>", "ER 95 % strong"),
        (
            "<p>HER2 <select><option>positive<option selected>negative</select></p>",
            "HER2 negative",
        ),
        ("<p>PR <select><option>positive</option><option>negative</option></select>?</p>", "PR ?"),
        ('<p><input type="checkbox" checked>pT1 <input type=CHECKBOX>pT2</p>', "☒ pT1 ☐ pT2"),
        ('<p><input type=radio>left <input type=radio checked="">right</p>', "☐ left ☒ right"),
        ('<p>a<input type=hidden value="9 cm"><input type="password" value="x">b</p>', "ab"),
        ('<p>a<input type=submit value="Save"><button>Sign</button></p>', "aSign"),
        ('<p>a<span hidden><input value="9 cm"></span></p>', "a"),
        ('<p>a<input style="display:none" value="9 cm"></p>', "a"),
    ],
)
def test_form_fields_show_their_values(markup, text):
    assert text_of(markup) == text


@pytest.mark.parametrize(
    "markup",
    [
        '<p>1 cm<span style="visibility: hidden"> 9 cm</span></p>',
        '<p>1 cm<span style="mso-hide:all"> 9 cm</span></p>',
        '<p>1 cm<span style="opacity: 0"> 9 cm</span></p>',
        '<p>1 cm<span style="font-size:0px"> 9 cm</span></p>',
        '<p>1 cm<span style="TEXT-DECORATION: underline line-through"> 9 cm</span></p>',
        "<p>1 cm<strike> 9 cm</strike></p>",
        "<style>.off{display:none}</style><p>1 cm<b class='x off'> 9 cm</b></p>",
        "<style>p, b.old { text-decoration-line : line-through } p {}</style><div>1 cm<b class=old> 9 cm</b></div>",
        "<style>/* p {} */ #gone { display : none }</style><div>1 cm<b id=gone> 9 cm</b></div>",
        "<style>i{visibility:hidden}</style><p>1 cm<i> 9 cm</i></p>",
        "<style>@media screen{b{color:red}} .off{display:none}</style><p>1 cm<b class=off> 9 cm</b></p>",
    ],
)
def test_what_was_taken_back_or_hidden_is_left_out(markup):
    assert text_of(markup) == "1 cm"


@pytest.mark.parametrize(
    "markup",
    [
        '<p>1 <span style="opacity: 0.9">cm</span></p>',
        '<p>1 <span style="font-size: 0.8em">cm</span></p>',
        "<style>@media print{.p{display:none}}</style><p>1 <b class=p>cm</b></p>",
        "<style media=print>b{display:none}</style><p>1 <b>cm</b></p>",
        "<style>td .off{display:none}</style><p>1 <b class=off>cm</b></p>",
        "<p>1 <ins>cm</ins></p>",
        "<p>1 c&shy;m</p>",
    ],
)
def test_what_a_reader_sees_stays(markup):
    assert text_of(markup) == "1 cm"


def test_a_picture_of_any_size_is_passed_over():
    picture = "iVBORw0KGgo" * 1_000_000
    assert text_of(f'<p>1 <img src="data:image/png;base64,{picture}" alt="x">cm</p>') == "1 cm"


@pytest.mark.parametrize("declared", ["text/plain", "text/plain; charset=utf-8", None, "TX"])
@pytest.mark.parametrize(
    ("fragment", "text"),
    [
        ("<p>Grade <del>3</del> 2</p>", "Grade 2"),
        ("FINAL DIAGNOSIS<br/>Carcinoma<br>pT1c", "FINAL DIAGNOSIS\nCarcinoma\npT1c"),
        ("Size &lt; 2 cm <b>left</b> breast", "Size < 2 cm left breast"),
        ('<div class="r">ER <span style="display:none">0</span>95 %</div>', "ER 95 %"),
        ("<TABLE><TR><TD>ER</TD><TD>95 %</TD></TR></TABLE>", "ER\t95 %"),
    ],
)
def test_fragments_are_read_as_markup_whatever_they_are_called(fragment, text, declared):
    assert text_of(fragment, declared) == text


@pytest.mark.parametrize(
    "text",
    [
        "ER <1 %, PR >90 %",
        "size <b 2 cm",
        "a <p> b",
        "<2 cm and >1 cm",
        "x < y; <br",
        "Ki-67 <i>20 %",
    ],
)
def test_text_with_angle_brackets_is_no_markup(text):
    assert text_of(text, "text/plain") == text
