"""Stages: "pT2 N1a", "PT2 NO MX" with the letter O for zero, "T2b", "ypT0", "stage IIB", "FIGO IIIC".

Categories as AJCC and UICC write them: prefix (c, p, y, r, a), letter, category, suffix.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator

from oncofhir.inference.mentions.mention import Mention

_PREFIX = r"(?:[yr]{0,2} ?[pc]|y)?"
_T = re.compile(
    rf"(?<![A-Za-z])(?P<p>{_PREFIX}) ?T ?(?P<v>is(?![a-z])|[0-4][a-d]?[1-3]?|[1-4]mi|[OoXxLl][a-d]?)"
    r"(?:\((?:m|is)\))?(?=[^A-Za-z]|[Nn] ?[0-3OoXx]|p ?N|$)",
    re.IGNORECASE,
)
_GAP = r"[ ,;:/.()&-]{0,4}(?:\((?:i|mol|sn|m)[^)]{0,6}\))?[ ,;:/.()-]{0,3}"
_N = re.compile(
    rf"(?<![A-Za-z])(?P<p>{_PREFIX}) ?N ?(?P<v>[0-3][a-c]?(?:mi)?|[OoXx])"
    r"(?P<s>(?: ?\((?:sn|i ?[-+]|mol ?[-+]|mi)\))*)(?=[^A-Za-z]|[Mm] ?[01OoXx]|p ?M|$)",
    re.IGNORECASE,
)
_M = re.compile(
    rf"(?<![A-Za-z])(?P<p>{_PREFIX}) ?M ?(?P<v>[01][a-d]?|[OoXx])(?=[^A-Za-z]|$)", re.IGNORECASE
)
_RUN = re.compile(
    rf"(?<![A-Za-z])(?P<tp>{_PREFIX}) ?T ?(?P<t>is|[1-4]mi|[0-4][a-d]?[1-3]?|[OoXxLl][a-d]?)"
    rf"(?: ?\((?:m|is)\))?{_GAP}(?P<np>{_PREFIX}) ?N ?(?P<n>[0-3][a-c]?(?:mi)?|[OoXx])"
    rf"(?P<ns>(?: ?\((?:sn|i ?[-+]|mol ?[-+]|mi)\))*)"
    rf"(?:{_GAP}(?P<mp>{_PREFIX}) ?M ?(?P<m>[01][a-d]?|[OoXx]))?(?![a-z0-9])",
    re.IGNORECASE,
)
_GROUP = re.compile(
    r"\b(?:stage|figo|staged as|stage group(?:ing)?)"
    r"(?: (?:is|group(?:ing)?|figo|ajcc|pathologic(?:al)?|clinical))*"
    r"[ :,(=]{1,4}(?:stage )?(?P<g>0|IV|I{1,3})[ -]?(?P<s>[A-C][1-3]?)?(?![A-Za-z0-9+/])",
    re.IGNORECASE,
)
_WORD = re.compile(r"stage|staging|tnm|tumou?r", re.IGNORECASE)
_LOOK_BACK = 40


def stages(text: str) -> Iterator[Mention]:
    """Every T, N and M category and stage group; a lone letter only where it can mean nothing else."""
    starts, ends = [], []
    for run in _RUN.finditer(text):
        starts.append(run.start())
        ends.append(run.end())
        yield from _of_run(run)
    for slot, pattern in (("t", _T), ("n", _N), ("m", _M)):
        for match in pattern.finditer(text):
            before = bisect_right(starts, match.start()) - 1
            inside = before >= 0 and match.start() < ends[before]
            sure = match["p"].strip() or (
                match["v"][0] not in "OoLl" and _is_staging(text, match.start())
            )
            if sure and not inside:
                suffix = match.groupdict().get("s") or ""
                value = _category(match["p"], slot, match["v"], suffix)
                start = match.end() - len(match[0].lstrip())
                yield Mention(slot=slot, value=value, start=start, end=match.end())
    for match in _GROUP.finditer(text):
        value = match["g"].upper() + (match["s"] or "").upper()
        yield Mention(slot="group", value=value, start=match.start(), end=match.end())


def _of_run(run: re.Match[str]) -> Iterator[Mention]:
    """The categories of "pT2 N1 MX": a prefix at the head holds for all that have none."""
    prefix = run["tp"]
    for slot, own, suffix in (("t", "tp", None), ("n", "np", "ns"), ("m", "mp", None)):
        if run[slot] is not None:
            value = _category(
                run[own] or prefix, slot, run[slot], run[suffix] or "" if suffix else ""
            )
            start = run.start(own) if run[own] else run.start(slot) - 1
            # the letter before the category, past a blank
            while text_at(run, start) not in "TNMtnm" and not run[own]:
                start -= 1
            yield Mention(slot=slot, value=value, start=start, end=run.end(slot))


def text_at(run: re.Match[str], position: int) -> str:
    """The character of the matched string at a position."""
    return run.string[position]


def _is_staging(text: str, start: int) -> bool:
    return bool(_WORD.search(text, max(0, start - _LOOK_BACK), start))


def _category(prefix: str, slot: str, value: str, suffix: str) -> str:
    prefix = prefix.replace(" ", "").lower()
    head, tail = value[0], value[1:].lower()
    if value.lower() == "is":
        return f"{prefix}Tis"
    head = {"o": "0", "l": "1", "x": "X"}.get(head.lower(), head)
    return f"{prefix}{slot.upper()}{head}{tail}{suffix.replace(' ', '').lower()}"
