"""Receptors with their status: "ER/PR positive, HER2 negative (1+)", "HER-2 by FISH not amplified"."""

import re
from collections.abc import Iterator

from oncofhir.inference.mentions.mention import Mention

_NAME = (
    r"(?P<ER>(?:o?estrogen(?:[- ]receptors?)?|(?<![a-z])er(?![a-z])(?=[^a-z]{0,3}))(?: protein| \(er\))?)"
    r"|(?P<PR>(?:progesterone(?:[- ]receptors?)?|(?<![a-z])pg?r(?![a-z]))(?: protein| \(pg?r\))?)"
    r"|(?P<HER2>(?<![a-z])(?:her[- ]?2|c-?erb-?b-?2|erbb2)(?:[- /]{0,2}neu)?(?: oncoprotein| protein)?)"
)
_STATUS = (
    r"(?P<negative>negative|not (?:over-?)?(?:amplified|expressed)|non-?amplified|no (?:over-?expression|"
    r"amplification)|absent|unamplified|\bneg\b|(?<=[: ])0 ?(?=[,.;)]|$)|\b[01] ?\+)"
    r"|(?P<equivocal>equivocal|indeterminate|borderline|\b2 ?\+)"
    r"|(?P<positive>pos[it1l]{1,3}ive|amplified|over-?expressed|over-?expression|\bpos\b|\b3 ?\+|present)"
)
_BETWEEN = 70
_FOR = re.compile(r"[\W_]{0,4}for\b", re.IGNORECASE)
_TOKEN = re.compile(rf"{_NAME}|{_STATUS}|(?P<stop>[.;\n](?=\s|$))", re.IGNORECASE)
_NAMES = ("ER", "PR", "HER2")


def receptors(text: str) -> Iterator[Mention]:
    """Each receptor with the status that follows it in its sentence, at most `_BETWEEN` characters on.

    Names that stand together ("ER and PR are positive") share the status. The status that is written
    out wins over a score behind it.
    """
    waiting: list[tuple[str, int, int]] = []
    foretold: tuple[str, int, int] | None = (
        None  # a status that says what it is for: "positive for PR"
    )
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind in _NAMES:
            if foretold is not None and match.start() - foretold[2] <= _BETWEEN:
                yield Mention(slot=kind, value=foretold[0], start=foretold[1], end=match.end())
                continue
            waiting = [w for w in waiting if w[0] != kind and match.start() - w[2] <= _BETWEEN]
            waiting.append((kind, match.start(), match.end()))
        elif kind == "stop":
            if not text[match.start()].strip() or _abbreviates(text, match.start()):
                continue
            waiting, foretold = [], None
        elif _FOR.match(text, match.end()):
            waiting, foretold = [], (kind, match.start(), match.end())
        else:
            foretold = None
            for name, start, end in waiting:
                if match.start() - end <= _BETWEEN:
                    yield Mention(slot=name, value=kind, start=start, end=match.end())
            waiting = []


def _abbreviates(text: str, at: int) -> bool:
    """Whether the stop is one that OCR puts inside a phrase: nothing of a new sentence follows."""
    following = text[at + 1 : at + 4].strip()
    before = text[max(0, at - 3) : at].rstrip()
    return (
        (following[:1] in {"(", ":"} if following else False)
        or before[-1:] in {"-", ":"}
        or bool(_FOR.match(text, at + 1))
    )


def named(text: str) -> tuple[str, ...]:
    """The receptors that an answer names, with or without a status, in its order."""
    return tuple(
        dict.fromkeys(str(m.lastgroup) for m in _TOKEN.finditer(text) if m.lastgroup in _NAMES)
    )


def statuses(text: str) -> tuple[str, ...]:
    """The statuses that an answer lists, in its order."""
    kinds = ("positive", "negative", "equivocal")
    return tuple(str(m.lastgroup) for m in _TOKEN.finditer(text) if m.lastgroup in kinds)
