"""Receptors with their status.

"ER/PR positive, HER2 negative (1+)", "HER-2 by FISH not amplified", "ER Allred 7/8".

Sources of the rules: ASCO/CAP guideline on ER and PR (2020): positive from 1 % of nuclei on; ASCO/CAP
guideline on HER2 (2023): IHC 0 and 1+ negative, 2+ equivocal, 3+ positive; ISH ratio of 2.0 or more
positive; Allred et al. (1998): a total score of 3 to 8 is positive.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from oncofhir.inference.mentions.mention import Mention
from oncofhir.inference.mentions.receptor_denial import denies, opens_phrase
from oncofhir.inference.mentions.receptor_tokens import (
    BETWEEN,
    CONNECTED,
    HINT,
    NAMES,
    NOT_A_RESULT,
    NOT_A_STATUS,
    OF_GENE,
    Token,
    tokens_in,
)
from oncofhir.terminology.lowered import lowered

# A sentence's end; OCR puts stray stops behind "-", ":" and "by", and before "for" and a bracket.
_END = re.compile(
    r"[;\n]|(?<![-:])(?<!\bby)(?<!\b\w)(?<!\d)\.(?=\s+[A-Z\d]|\s*$)(?!\s+for\b)"
    r"|(?<=[\d%+)])\.(?=\s+[A-Z])(?!\s+for\b)",
    re.IGNORECASE,
)
_REACH = 220
_LABELLED_LINE = re.compile(r"[ \t:]{0,6}\n[ \t]*$")
_FAR = 260
_FEW_TOKENS = 6
_OF = re.compile(r"\s(?:of|for)\b", re.IGNORECASE)
_LACKS = 45  # characters from "lacks" to the last of the names
_FOR = re.compile(r"[\s.]{0,3}(?:staining |immunoreactivity |expression )?for\b", re.IGNORECASE)
_STATUSES = ("positive", "negative", "equivocal")
_LEAST = {"percent": 1.0, "allred": 3.0, "irs": 2.0}
_POSITIVE_FROM_RATIO = 2.0
_LIST = re.compile(r"[\s,/&+]*(?:and|or)?[\s,/&]*(?:receptors?)?[\s,/&]*", re.IGNORECASE)
_PAIRED = re.compile(r" ?/ ?")
_RESPECTIVELY = re.compile(r"respectively", re.IGNORECASE)


def receptors(text: str) -> Iterator[Mention]:
    """Each receptor with the status that the same clause gives it.

    Names that stand together ("ER and PR are positive") share the status; "ER/PR: positive/negative" pairs
    off. Of several words for one status the definite one counts: in situ hybridisation over an equivocal
    stain, a status that is written out over a score. `scheme` is "fish" where hybridisation says it.
    """
    clauses = list(_clauses(text))
    for number, (start, end) in enumerate(clauses):
        found = list(tokens_in(text, start, end))
        if not any(token.kind in NAMES or token.kind in {"triple", "ish"} for token in found):
            continue
        if _opens_line(text, found, end) and number + 1 < len(clauses):
            found = [*found, *_below(found, list(tokens_in(text, *clauses[number + 1])))]
        yield from _of_clause(text, _named_by_ish(text, found, start))


def _clauses(text: str) -> Iterator[tuple[int, int]]:
    """The clauses near a receptor's name; further off none can say anything of it."""
    stretches: list[list[int]] = []
    for hint in HINT.finditer(lowered(text)):
        first, last = max(0, hint.start() - _REACH), min(len(text), hint.end() + _REACH)
        if stretches and first <= stretches[-1][1]:
            stretches[-1][1] = last
        else:
            stretches.append([first, last])
    for first, last in stretches:
        ends = [first, *(m.end() for m in _END.finditer(text, first, last)), last]
        yield from ((s, e) for s, e in pairwise(ends) if e > s)


def _opens_line(text: str, found: list[Token], end: int) -> bool:
    """Whether the clause ends with a name and its line, so that the next line may hold the value."""
    if not found or found[-1].kind not in NAMES:
        return False
    return text[found[-1].end : end].strip(" \t") in {"\n", ":\n", ": \n", "-\n"}


def _below(found: list[Token], following: list[Token]) -> list[Token]:
    """The statuses of the line below names that are of them; of several names one for all or one for each."""
    if not following or not following[0].is_status:
        return []
    names = {token.kind for token in found if token.kind in NAMES}
    if len(names) == 1:
        return following[:2]
    statuses = [token for token in following if token.is_status]
    return statuses if len(statuses) == 1 else []


def _named_by_ish(text: str, found: list[Token], start: int) -> list[Token]:
    """A clause on FISH that names no receptor speaks of HER2, where HER2 was named just before."""
    if any(token.kind in NAMES for token in found) or not any(t.kind == "ish" for t in found):
        return found
    before = lowered(text[max(0, start - _FAR) : start])
    if "her" not in before and "erb" not in before:
        return []
    return [t.as_name("HER2") if t.kind == "ish" else t for t in found]


def _of_clause(text: str, found: list[Token]) -> Iterator[Mention]:
    position = 0
    while position < len(found):
        token = found[position]
        if token.kind == "triple":
            if not _is_denied(text, token.start):
                for name in ("ER", "PR", "HER2"):
                    yield Mention(slot=name, value="negative", start=token.start, end=token.end)
            position += 1
        elif token.kind in NAMES:
            names, after = _listed(text, found, position)
            statuses = _statuses(text, names[-1], found, after)
            last = statuses[0].start if statuses else len(text)
            if not OF_GENE.match(text, names[-1].end, last):
                yield from _results(text, names, statuses, _foretold(text, found, position))
            position = max(after, after + len(statuses))
        else:
            position += 1


def _listed(text: str, found: list[Token], position: int) -> tuple[list[Token], int]:
    """The names that stand together from here on, and the position behind them."""
    names = [found[position]]
    position += 1
    while position < len(found) and found[position].kind in NAMES:
        between = text[names[-1].end : found[position].start]
        if not _LIST.fullmatch(between):
            break
        if found[position].kind != names[-1].kind:
            names.append(found[position])
        position += 1
    return names, position


def _statuses(text: str, name: Token, found: list[Token], position: int) -> list[Token]:
    """The statuses behind a name, up to the next name, as far as nothing else comes between."""
    statuses: list[Token] = []
    last = name.end
    while position < len(found) and (found[position].is_status or found[position].kind == "ish"):
        status = found[position]
        between = text[last : status.start]
        if len(" ".join(between.split())) > BETWEEN:
            break
        if name.is_short and not CONNECTED.fullmatch(between):
            break
        if NOT_A_RESULT.search(between) or NOT_A_STATUS.match(text, status.end):
            break
        following = found[position + 1] if position + 1 < len(found) else None
        if following is not None and following.kind in NAMES and _FOR.match(text, status.end):
            break
        statuses.append(status)
        last = status.end
        position += 1
    return statuses


def _foretold(text: str, found: list[Token], position: int) -> Token | None:
    """A status that says what it is for: "positive for ER", "lacks ER", "expresses PR", "negative HER2"."""
    name = found[position]
    earlier = found[max(0, position - _FEW_TOKENS) : position]
    before = next((token for token in reversed(earlier) if token.kind not in NAMES), None)
    if before is None or name.start - before.end > BETWEEN:
        return None
    between = text[before.end : name.start]
    if before.kind == "expresses":
        denied = [t for t in earlier if t.kind in {"lacks", "negative"} and t.end <= before.start]
        if denied and before.start - denied[-1].end <= _LACKS:
            before = denied[-1]
        return before if len(between) <= _LACKS and "," not in between else None
    if before.kind == "lacks":
        if text[before.start : before.end].lower() in {"no", "without"}:
            last = _listed(text, found, position)[0][-1]
            return before if denies(text, before, name, last) else None
        return before if len(between) <= _LACKS and "," not in between else None
    if before.kind not in _STATUSES:
        return None
    is_first = before is found[0] and between.isspace() and opens_phrase(text, before)
    is_of = before.kind == "negative" and _OF.match(text, before.end) is not None
    return before if is_first or is_of or _FOR.match(text, before.end) else None


def _results(
    text: str, names: list[Token], statuses: list[Token], foretold: Token | None
) -> Iterator[Mention]:
    if foretold is not None:
        value = {"lacks": "negative", "expresses": "positive"}.get(foretold.kind, foretold.kind)
        for name in names:
            yield _mention(name, value, min(foretold.start, name.start), name.end)
        return
    values = [s for s in statuses if s.is_status]
    if not values:
        return
    if len(names) > 1 and len(values) == len(names) and _pairs_off(text, values):
        for name, status in zip(names, values, strict=True):
            yield _mention(name, _value(name.kind, [status]), name.start, status.end)
        return
    for name in names:
        status_value = _value(name.kind, statuses)
        scheme = "fish" if any(s.kind == "ish" for s in statuses) or name.is_ish else None
        if status_value is not None:
            yield _mention(name, status_value, name.start, statuses[-1].end, scheme)


def _mention(
    name: Token, value: str | None, start: int, end: int, scheme: str | None = None
) -> Mention:
    return Mention(slot=name.kind, value=value or "equivocal", start=start, end=end, scheme=scheme)


def _pairs_off(text: str, values: list[Token]) -> bool:
    joined = all(_PAIRED.fullmatch(text[a.end : b.start]) for a, b in pairwise(values))
    return joined or _RESPECTIVELY.search(text, values[-1].end, values[-1].end + 20) is not None


def _value(name: str, statuses: list[Token]) -> str | None:
    """What several words for one status come to."""
    ish = False
    of_ish: list[str] = []
    written: list[str] = []
    measured: list[str] = []
    for status in statuses:
        if status.kind == "ish":
            ish = True
            continue
        value = _of_one(name, status)
        if value is None:
            continue
        if status.kind == "ratio" or (ish and status.kind != "score"):
            of_ish.append(value)
        elif status.kind in {"positive", "negative", "equivocal"}:
            written.append(value)
        else:
            measured.append(value)
    if of_ish and of_ish[0] != "equivocal":
        return of_ish[0]
    if (
        name == "HER2"
        and measured
        and measured[0] == "equivocal"
        and written
        and written[0] == "positive"
    ):
        return "equivocal"
    if name == "HER2" and written == ["equivocal"] and measured and measured[0] == "positive":
        return "equivocal"
    return next(iter([*written, *measured, *of_ish]), None)


def _of_one(name: str, status: Token) -> str | None:
    """The status that one word or number says for a receptor; None where it says nothing of this one."""
    if status.kind in _STATUSES:
        return status.kind
    number = status.number
    if number is None:
        return None
    if name == "HER2":
        return _of_her2(status.kind, number)
    least = _LEAST.get(status.kind)
    is_positive = number > 0 if least is None else number >= least
    return "positive" if is_positive else "negative"


def _of_her2(kind: str, number: float) -> str | None:
    """IHC scores and ratios; a share of cells or an Allred score is none of HER2."""
    if kind == "score":
        return {0: "negative", 1: "negative", 2: "equivocal"}.get(int(number), "positive")
    if kind == "ratio":
        return "positive" if number >= _POSITIVE_FROM_RATIO else "negative"
    return "negative" if kind == "zero" else None


def _is_denied(text: str, start: int) -> bool:
    before = text[max(0, start - 25) : start].lower()
    return (
        re.search(
            r"\b(?:not|non|isn't|rather than|if|no longer)[\s-]{1,3}(?:a |truly |considered )?$",
            before,
        )
        is not None
    )


def named(text: str) -> tuple[str, ...]:
    """The receptors that an answer names, with or without a status, in its order."""
    found = (token.kind for token in tokens_in(text, 0, len(text)))
    return tuple(dict.fromkeys(kind for kind in found if kind in NAMES))


def statuses(text: str) -> tuple[str, ...]:
    """The statuses that an answer lists, in its order."""
    found = (token.kind for token in tokens_in(text, 0, len(text)))
    return tuple(kind for kind in found if kind in {"positive", "negative", "equivocal"})
