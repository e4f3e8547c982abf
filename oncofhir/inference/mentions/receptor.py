"""Receptors with their status: "ER/PR positive, HER2 negative (1+)", "HER-2 by FISH not amplified"."""

import re
from collections.abc import Iterator

from oncofhir.inference.mentions.mention import Mention
from oncofhir.terminology.lowered import lowered

_NAME = (
    r"(?P<ER>(?:o?estrogen(?:[- ]receptors?)?|(?<!the )(?<![a-z])er(?![a-z])(?=[^a-z]{0,3}))"
    r"(?: protein| \(er\))?)"
    r"|(?P<PR>(?:progesterone(?:[- ]receptors?)?|(?<![a-z])pg?r(?![a-z]))(?: protein| \(pg?r\))?)"
    r"|(?P<HER2>(?<![a-z])(?:her[- ]?2|c-?erb-?b-?2|erbb2)(?:[- /]{0,2}neu)?(?: oncoprotein| protein)?)"
)
_STATUS = (
    r"(?P<negative>\bnegative|\bnot (?:over-?)?(?:amplified|expressed)|\bnon-?amplified"
    r"|\bwithout amplification"
    r"|\bno (?:over-?expression|amplification)|\babsent|\bunamplified|\bneg\b"
    r"|(?<=[: ])0 ?(?=[,.;)]|$)|\b[01] ?\+"
    r"|\b(?:found in )?(?:< ?|less than )1 ?%|\b(?:found in )?0 ?%)"
    r"|(?P<equivocal>\bequivocal|\bindeterminate|\bborderline"
    r"|(?:weakly )?\bpositive[ \w]{0,25}\(?(?:score )?2 ?\+"
    r"|\b2 ?\+)"
    r"|(?P<positive>\bpos[it1l]{1,3}ive|\bamplified|\bover-?expressed|\bpos\b|\b3 ?\+|\bpresent\b"
    r"|\bfound in (?:over |more than )?[1-9]\d|(?<=[:=] )(?:> ?)?[1-9]\d{0,2} ?%)"
)
# "ER+ PR- HER2-", "ER (+)"; a minus is a status only where nothing else can follow it.
_SIGN = (
    r"(?P<plus>(?<=[RrUu2])\+(?!\d)|\( ?\+{1,3} ?\))"
    r"|(?P<minus>(?<=[RrUu2])-(?=[,;/)]|$|\s*(?:pg?r|her)\b|\.\s)|\( ?- ?\))"
)
_TRIPLE = r"(?P<triple>\btriple[- ]{1,2}negative)"
_NONE_FOUND = (
    r"(?P<none>\bno (?:(?P<noneER>o?estrogen)|(?P<nonePR>progesterone)) receptors? (?:were )?found)"
)
_BETWEEN = 70
_FOR = re.compile(r"[\W_]{0,4}for\b", re.IGNORECASE)
_TOKEN = re.compile(
    rf"{_NONE_FOUND}|{_TRIPLE}|{_NAME}|{_STATUS}|{_SIGN}|(?P<stop>[.;\n](?=\s|$))", re.IGNORECASE
)
# Where a name can be, quicker to find than `_TOKEN`; around it, as far as a status and its words can stand.
_HINT = re.compile(r"estrogen|progesterone|(?<![a-z])(?:er|pg?r)(?![a-z])|her[- ]?2|erb|triple")
_REACH = 150
_NAMES = ("ER", "PR", "HER2")
_OUTRIGHT = ("none", "triple")
# What speaks of the test, of a definition or of other patients, and not of this tumour.
_NOT_A_RESULT = re.compile(
    r"defined|criteri|categor|\bif\b|obtain|guideline|patients|known|control|\bclones?\b|ordered|pending|\ball\b",
    re.IGNORECASE,
)
_NOT_A_STATUS = re.compile(
    r"\s*(?:is|are) defined|\s*(?:breast |metastatic )?cancer patients|\s*categor|\s*control"
    r"|\s*staining result that|\s*in house|\s*results\b",
    re.IGNORECASE,
)
_SCORE = re.compile(r"([0-3]) ?\+")
_REACTION = re.compile(r"\s*(?:negative|positive) reaction", re.IGNORECASE)
_TRIVIAL = 3  # letters: a stop behind fewer is OCR's and ends no sentence


def receptors(text: str) -> Iterator[Mention]:
    """Each receptor with the status that follows it in its sentence, at most `_BETWEEN` characters on.

    Names that stand together ("ER and PR are positive") share the status. The status that is written
    out wins over a score behind it, but "positive (2+)" of HER2 is equivocal (ASCO/CAP guideline).
    A share of stained nuclei is a status: positive from 1 % on, negative below (ASCO/CAP guideline).
    """
    waiting: list[tuple[str, int, int]] = []
    foretold: tuple[str, int, int] | None = None  # a status that says what for: "positive for PR"
    for match in _tokens(text):
        kind = _kind(match)
        if kind in _OUTRIGHT:
            yield from _outright(match)
        elif kind in _NAMES:
            if foretold is not None and match.start() - foretold[2] <= _BETWEEN:
                yield Mention(slot=kind, value=foretold[0], start=foretold[1], end=match.end())
                continue
            waiting = [w for w in waiting if w[0] != kind and match.start() - w[2] <= _BETWEEN]
            waiting.append((kind, match.start(), match.end()))
        elif kind == "stop":
            if text[match.start()].strip() and not _goes_on(text, match.start(), waiting):
                waiting, foretold = [], None
        elif _FOR.match(text, match.end()):
            waiting, foretold = [], (kind, match.start(), match.end())
        else:
            yield from _with_status(text, waiting, match)
            waiting, foretold = [], None


def _tokens(text: str) -> Iterator[re.Match[str]]:
    """The tokens near a receptor's name; further off none can say anything of it."""
    position, last = 0, 0
    for hint in _HINT.finditer(lowered(text)):
        if hint.start() - _REACH > last:
            position = max(position, hint.start() - _REACH)
        last = hint.end() + _REACH
        while position < last and (match := _TOKEN.search(text, position)):
            position = match.end()
            yield match


def _outright(match: re.Match[str]) -> Iterator[Mention]:
    """Names and status in one: "triple negative", "no progesterone receptors found"."""
    slots = _NAMES if match["triple"] else ("ER",) if match["noneER"] else ("PR",)
    for slot in slots:
        yield Mention(slot=slot, value="negative", start=match.start(), end=match.end())


def _with_status(
    text: str, waiting: list[tuple[str, int, int]], status: re.Match[str]
) -> Iterator[Mention]:
    for name, start, end in waiting:
        if status.start() - end <= _BETWEEN and _is_result(text, end, status):
            value = _status(name, _kind(status), status[0])
            yield Mention(slot=name, value=value, start=start, end=status.end())


def _kind(match: re.Match[str]) -> str:
    kind = "none" if match["none"] else str(match.lastgroup)
    return {"plus": "positive", "minus": "negative"}.get(kind, kind)


def _status(name: str, kind: str, words: str) -> str:
    """A score of HER2 is the status; that of ER and PR only tells how strong the staining is."""
    if name == "HER2":
        return kind
    score = _SCORE.search(words)
    return "positive" if score and score[1] != "0" else kind


def _is_result(text: str, end: int, status: re.Match[str]) -> bool:
    return not (
        _NOT_A_RESULT.search(text, end, status.start()) or _NOT_A_STATUS.match(text, status.end())
    )


def _goes_on(text: str, at: int, waiting: list[tuple[str, int, int]]) -> bool:
    """Whether the stop is one that OCR puts inside a phrase: nothing of a new sentence follows."""
    following = text[at + 1 : at + 4].strip()
    before = text[max(0, at - 3) : at].rstrip()
    said = re.sub(r"\([^)]*\)", "", text[waiting[-1][2] : at]) if waiting else text[:at]
    return (
        following[:1] in {"(", ":"}
        or before[-1:] in {"-", ":"}
        or bool(_FOR.match(text, at + 1))
        or bool(_REACTION.match(text, at + 1))
        or sum(map(str.isalpha, said[: _BETWEEN * 2])) <= _TRIVIAL
    )


def named(text: str) -> tuple[str, ...]:
    """The receptors that an answer names, with or without a status, in its order."""
    return tuple(dict.fromkeys(_kind(m) for m in _TOKEN.finditer(text) if _kind(m) in _NAMES))


def statuses(text: str) -> tuple[str, ...]:
    """The statuses that an answer lists, in its order."""
    kinds = ("positive", "negative", "equivocal")
    return tuple(_kind(m) for m in _TOKEN.finditer(text) if _kind(m) in kinds)
