"""Grades.

"grade II/III", "G2", "moderately differentiated", "high grade", "Gleason 3+4=7", "Gleason 7 (3+4)".

The scheme decides what a number means; a grade of another thing (toxicity, dysplasia) is none
(`another_thing`).
"""

import re
from collections.abc import Iterator

from oncofhir.inference.mentions.another_thing import is_of_another_thing
from oncofhir.inference.mentions.mention import Mention

_B = r"[ \t]{0,12}"  # blanks, also those of a number that was written in words
_GLEASON = re.compile(
    r"(?P<name>gleason(?:'s)?[^\d\n]{0,40}?(?P<total>\b(?:[6-9]|10) ?\()?\s?)?(?<![+\d])(?<!\+ )(?P<a>[1-5])"
    rf"{_B}\+{_B}(?P<b>[1-5])(?: ?= ?(?P<sum>\d{{1,2}}))?(?![\d+]| ?\+)",
    re.IGNORECASE,
)
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
_G = r"iv|[il1]{2,3}|i|[1-4]"  # OCR reads I as l and 1
_NUMBERED = re.compile(
    r"(?:\b(?P<scheme>nottingham|fuhrman|isup|figo|nuclear|cytologic|architectural|histologic(?:al)?|who|sbr|bloom|edmondson|combined"
    r"|overall|fnclcc|elston)(?P<between>[\w ,./()'-]{0,30}?))?"
    rf"(?:\bgrade|\bgrading|\bgraded)(?: (?:is|of|as|overall"
    rf"|score))?[ :,(=\[\t]{{0,200}}(?:[\w ]{{0,20}}\()??"
    rf"g?(?P<g>{_G})(?P<letter>[ab](?!\w))?(?: ?(?:to|-|and) ?(?P<to>iv|i{{1,3}}|[2-4])(?![\w+]))?"
    rf"(?:[ (]{{0,12}}(?:/|of|out of){_B}(?P<of>iv|iii|ii|[2-4]))?(?![\w+]|\.\d|\s?/\s?(?:9|5|6|8|10)|{_B}%"
    rf"|{_B}(?:[cm]m|inch\w*|x)\b|{_B}(?:of|out of){_B}(?:[5-9]|\d\d))",
    re.IGNORECASE,
)
_SHORT = re.compile(
    r"(?<![\w.])(?-i:G)(?:[ -]?(?P<g>[1-4])|[ -]?(?P<roman>(?-i:IV|III"
    r"|II)))(?:[-/] ?g ?(?P<to>[2-4]))?(?: ?/ ?(?P<of>[34]))?(?![\w+]|\.\d| ?-?[Pp]\d)",
    re.IGNORECASE,
)
_DEGREE = re.compile(
    rf"\bdifferentiation(?: (?:is|grade))?[ :.=]{{1,3}}(?P<g>{_G})(?![\w+]|\.\d)", re.IGNORECASE
)
_WORDS = re.compile(
    r"\b(?:(?P<a>well|moderate(?:ly)?|poorly|poor)[ -]{0,2}(?:(?:to|/)[ -]{0,2}(?P<b>moderately"
    r"|poorly)[ -]{0,2})?"
    r"differentiat\w*|differentiation[ :]{1,3}(?:is )?(?P<c>well|moderate(?:ly)?|poor(?:ly)?)\b"
    r"|(?P<un>undifferentiated(?! pleomorphic)|anaplastic carcinoma))",
    re.IGNORECASE,
)
_LEVEL = re.compile(
    r"\b(?:(?P<a>low|intermediate|high)(?: to (?P<b>intermediate|high))?[ -]{1,2}"
    r"(?:nuclear |histologic )?grade"
    r"|grade[ :]{1,3}(?:is )?(?P<c>low|intermediate|high)\b)",
    re.IGNORECASE,
)
_DIFFERENTIATION = {"well": "1", "moderate": "2", "moderately": "2", "poorly": "3", "poor": "3"}
# WHO 2022: a well differentiated neuroendocrine tumour has grades 1 to 3 by Ki-67 and mitoses.
_NEUROENDOCRINE = re.compile(
    r"[\s,]{1,3}(?:\w+[ -]){0,3}(?:neuroendocrine tumou?r|carcinoid|net\b)|[\s,]{1,3}(?:liposarcoma"
    r"|papillary mesothelioma)",
    re.IGNORECASE,
)
_GROUP = re.compile(r"grade group|prognostic g|group \d", re.IGNORECASE)
_REGRESSION = re.compile(
    r"regression|response|\bdensity\b|dysplas|intraepithelial|cin\b", re.IGNORECASE
)
_PROSTATE = re.compile(r"prostat|gleason", re.IGNORECASE)
_GRADE_GROUP = re.compile(
    r"\b(?:isup |who |who/isup |prognostic )?(?:grade[ -]?group|isup grade"
    r"|isup)(?: \(isup\))?[ :=]{1,3}(?P<g>[1-5])(?![\w+/])",
    re.IGNORECASE,
)
GRADE_GROUP = "grade-group"


def grades(text: str) -> Iterator[Mention]:
    """Every grade of a tumour; a range ("moderately to poorly") counts as its higher end.

    Differentiation in words is the numbered grade of the same name (AJCC: G1 well, G2 moderately, G3
    poorly differentiated, G4 undifferentiated). A grade group of the prostate is no histologic grade: it
    is read as
    "grade group 3", without a code.
    """
    yield from _of_prostate(text)
    is_prostate = _PROSTATE.search(text) is not None
    for mention in _numbered(text):
        near = text[max(0, mention.start - 12) : mention.end + 8]
        is_group = _GROUP.search(near) or (is_prostate and "isup" in near.lower())
        if not is_group and not is_of_another_thing(text, mention.start, mention.end):
            yield mention
    yield from _in_words(text)


def _of_prostate(text: str) -> Iterator[Mention]:
    """Gleason scores and grade groups."""
    for match in _GLEASON.finditer(text):
        a, b = int(match["a"]), int(match["b"])
        total = int(match["sum"] or (match["total"] or "").strip(" (") or a + b)
        if total == a + b and (match["sum"] or match["name"]):
            value = f"{a}+{b}={a + b}"
            yield Mention(value=value, start=match.start(), end=match.end(), scheme="gleason")
    if _PROSTATE.search(text) is not None:
        for match in _GRADE_GROUP.finditer(text):
            value = f"grade group {match['g']}"
            yield Mention(value=value, start=match.start(), end=match.end(), scheme=GRADE_GROUP)


def _in_words(text: str) -> Iterator[Mention]:
    """Differentiation and levels."""
    for match in _WORDS.finditer(text):
        word = (match["b"] or match["a"] or match["c"] or "").lower()
        value = _DIFFERENTIATION.get(word, "4")
        if not _NEUROENDOCRINE.match(text, match.end()):
            yield Mention(
                value=value, start=match.start(), end=match.end(), scheme="differentiation"
            )
    for match in _LEVEL.finditer(text):
        value = (match["b"] or match["a"] or match["c"]).lower()
        if not is_of_another_thing(text, match.start(), match.end()):
            yield Mention(value=value, start=match.start(), end=match.end(), scheme="level")


def _numbered(text: str) -> Iterator[Mention]:
    for pattern in (_NUMBERED, _SHORT, _DEGREE):
        for match in pattern.finditer(text):
            named = match.groupdict()
            grade = (named.get("to") or named.get("roman") or match["g"]).lower()
            if len(grade) > 1:
                grade = grade.replace("l", "i").replace("1", "i")
            scheme = named.get("scheme")
            yield Mention(
                value=_ROMAN.get(grade, grade) + (named.get("letter") or "").lower(),
                start=match.start(),
                end=match.end(),
                scheme=scheme.lower() if scheme else None,
            )
