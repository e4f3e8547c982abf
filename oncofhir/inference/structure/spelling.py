"""Same-length spellings: numbers in words, scanned letters, escapes, wrapped lines.

Every function returns a text of the same length, so that offsets hold for the report's own text.
"""

import re
from collections.abc import Iterator

from oncofhir.terminology.lowered import lowered

# Look-alikes of one character (OCR, typography).
_CHARACTERS = str.maketrans(
    {
        "\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u2009": " ", "\u2003": " ", "\u2010": "-",
        "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u2019": "'", "\r": " ",
    }
)  # fmt: skip
# HL7 v2, chapter 2.7: escape sequences that may be left in the text of an OBX.
_HL7 = re.compile(r"\\(?:\.br|\.sp|[HNFSTRE]|X[0-9A-F]{2,4})\\")
_HL7_CHARACTERS = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\"}
_WORDS = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
}  # fmt: skip
_NUMBER = rf"(?:{'|'.join(_WORDS)})"
_UNIT = r"(?:cm|mm|centimet(?:er|re)s?|millimet(?:er|re)s?)\b"
# A number in words is rewritten only where it is a value: before a unit, in a grade, a category or a score.
_SPELLED = re.compile(
    rf"\b(?P<whole>{_NUMBER})\s+point\s+(?P<part>{_NUMBER})\b"
    rf"|\b(?P<before>{_NUMBER})(?=[\s-]+(?:{_UNIT}|plus\b|out\s+of\b|by\s+{_NUMBER}))"
    rf"|(?:(?<=\bgrade )|(?<=\bstage )|(?<=\bher )|(?<=\bher-)|(?<=\bout of )|(?<=\bp t )|(?<=\bp n )"
    rf"|(?<=\bpt )"
    rf"|(?<=\bpn )|(?<=\bt )|(?<=\bn )|(?<=\bby )|(?<=\bscore )|(?<=\ballred )"
    rf"|(?<=\bgroup ))(?P<behind>{_NUMBER})\b"
)
_MAY_BE_SPELLED = re.compile(rf"(?={_NUMBER})")
_PLUS = re.compile(r"(?<=\d)(\s{1,8})plus\b")
_SCANNED = re.compile(r"\b[a-z]+[015|][a-z015|]*|\bl(?=n[a-z]{5})")
_SCANNED_LETTERS = {"0": "o", "1": "il", "5": "s", "|": "l"}
_VOCABULARY = re.compile(
    r"(?:adeno|cholangio|hepato)?carcinoma|invasive|infiltrating|ductal|lobular|positive|negative|diagnosis|final"
    r"|nottingham|tumou?r|melanoma|lymphoma|malignan(?:t|cy)|breast|left|right|grade|equivocal|cell|renal|clear|squamous|small|colon|lung|prostate|cancer|specimen|estrogen|progesterone"
)
_MOST_LETTERS = 4
_WRAPPED = re.compile(r"(?<=[a-z,0-9\-(])[ \t]*\n[ \t]*(?=[a-z(])")
_OPEN_LINE = re.compile(
    r"(?<=[ \t])(?:for|of|the|and|or|no|with|without|to|in|is|by|from|evidence|invasive|ductal|lobular|grade"
    r"|stage|measuring|measures)[ \t]*\n[ \t]*(?=[A-Za-z\d])|(?<=\d)[ \t]*\n[ \t]*(?=(?:cm|mm)\b)",
    re.IGNORECASE,
)
_WIDE = 45  # characters of a line that may be wrapped


def spelled(text: str) -> str:
    """The text with values in figures, letters in place of scanned digits, and wrapped lines joined."""
    text = text.translate(_CHARACTERS)
    if "\\" in text:
        text = _HL7.sub(_escape, text)
    lower = lowered(text)
    changes = [
        (m.start(), m.end(), _figures(m).ljust(m.end() - m.start())) for m in _spelled(lower)
    ]
    changes += list(_letters(lower))
    text = replaced(text, changes)
    if " plus" in lower:
        text = _PLUS.sub(lambda m: "+" + " " * (len(m[0]) - 1), text)
    return _joined(text)


def _spelled(lower: str) -> Iterator[re.Match[str]]:
    """As `_SPELLED.finditer`, but tried only where a number in words begins: each of its forms does."""
    end = 0
    for candidate in _MAY_BE_SPELLED.finditer(lower):
        if candidate.start() >= end and (match := _SPELLED.match(lower, candidate.start())):
            end = match.end()
            yield match


def replaced(text: str, changes: list[tuple[int, int, str]]) -> str:
    """The text with stretches replaced by others of their length; overlapping ones are left out."""
    pieces, position = [], 0
    for start, end, words in sorted(changes):
        if start >= position:
            pieces += [text[position:start], words]
            position = end
    return "".join([*pieces, text[position:]]) if pieces else text


def _escape(match: re.Match[str]) -> str:
    code = match[0].strip("\\")
    first = "\n" if code in {".br", ".sp"} else _HL7_CHARACTERS.get(code, " ")
    return first.ljust(len(match[0]))


def _figures(match: re.Match[str]) -> str:
    if match["whole"]:
        return f"{_WORDS[match['whole']]}.{_WORDS[match['part']]}"
    return _WORDS[match["before"] or match["behind"]]


def _letters(lower: str) -> list[tuple[int, int, str]]:
    """Words in which a digit was scanned for a letter, where the word with the letter is a known one."""
    found = []
    for match in _SCANNED.finditer(lower):
        word = match[0]
        if word == "l":
            found.append((match.start(), match.end(), "i"))
            continue
        if sum(c in _SCANNED_LETTERS for c in word) > _MOST_LETTERS:
            continue
        for spelling in _spellings(word):
            if _VOCABULARY.fullmatch(spelling):
                found.append((match.start(), match.end(), spelling))
                break
    return found


def _spellings(word: str) -> list[str]:
    spellings = [""]
    for character in word:
        letters = _SCANNED_LETTERS.get(character, character)
        spellings = [known + letter for known in spellings for letter in letters]
    return spellings


def _joined(text: str) -> str:
    """Lines that were wrapped in the middle of a sentence, joined by a blank."""
    changes = []
    for match in _WRAPPED.finditer(text):
        begins = text.rfind("\n", 0, match.start()) + 1
        if match.start() - begins >= _WIDE:
            changes.append((match.start(), match.end(), " " * (match.end() - match.start())))
    changes += [(m.start(), m.end(), m[0].replace("\n", " ")) for m in _OPEN_LINE.finditer(text)]
    return replaced(text, changes)
