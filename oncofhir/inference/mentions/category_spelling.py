"""Whether letters and digits are written as a category, or are other words that look alike.

The letter O for zero: "T2 NO MX" is N0, "T2. NO NODES" and "T2, no mass" are the word "no".
Blanks inside: "p T 2" is a category; "3 PM 1", "2 cm 1", "PT 2 weeks", "at 2:00" and "PART A NO TUMOR" are a
time, a length and words.
"""

import re

_BREAK = re.compile(r"[.;]")
_END_OF_STAGE = re.compile(
    r"[ \t]{0,3}(?:[,;:.)\]\n(/+\"]|$)|[ \t]{1,3}(?:figo|ajcc|uicc|mx)\b", re.IGNORECASE
)
_ALL_APART = re.compile(r"[pP] [TN] [0-4oO]")
_WORD = re.compile(r"[ \t]{1,3}[A-Za-z]{2}")


def is_zero(text: str, written: str, start: int, end: int, metastasis: str | None) -> bool:
    """Whether an N category without a prefix is one; only the letter O for zero is doubtful.

    `written` is its letter and value, `end` the end of its run. An M category behind it makes it one
    ("NO MX", "No Mo"); without one only capitals at the end of the statement do.
    """
    if written[-1] not in "Oo":
        return True
    stands_apart = _BREAK.search(text, max(0, start - 3), start) is not None
    if metastasis is not None and metastasis[0] != "1":
        return True
    if metastasis is not None:
        # "no M1 disease" denies a metastasis
        return written == "NO" and not stands_apart and _WORD.match(text, end) is None
    return written == "NO" and not stands_apart and _END_OF_STAGE.match(text, end) is not None


def is_prefixed(match: re.Match[str], slot: str) -> bool:
    """Whether a category with a prefix is written as one: without blanks, or with a small prefix ("p T 2").

    "P T 3" is one too, all three apart. The letter O for zero needs a p or c before it ("pNO", "p NO").
    """
    prefix = match["p"].replace(" ", "")
    words = match.string[match.start() : match.end("v")].strip()
    if match["v"][0] in "Oo" and not {"p", "c"} & set(prefix.lower()):
        return False
    if not any(c.isspace() for c in words):
        return True
    letters = [c for c in words if c.isalpha()][: len(prefix) + 1]
    is_small = letters[-1].isupper() and all(c.islower() for c in letters[:-1])
    return is_small or (slot != "m" and _ALL_APART.match(words) is not None)
