"""Stages.

"pT2 N1a", "PT2 NO MX" with the letter O for zero, "rpT1c", "uT3", "pTa", "stage IIB", "stage 2A", "FIGO
IIIC".

Categories as AJCC and UICC write them: prefix (c, p, y, r, a, u), letter, category, suffix. What looks
like one and is none
is left out: a vertebra (T10), an MRI sequence (T2-weighted), perineural invasion (Pn1), a hormone (T3,
T4), a nerve, a segment.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator

from oncofhir.inference.mentions.another_thing import is_of_another_thing
from oncofhir.inference.mentions.category_spelling import is_prefixed, is_zero
from oncofhir.inference.mentions.mention import Mention

_PREFIX = r"(?:[ayr]{0,2} ?[pc]|mr|[yr]{1,2}|[ua])?"
_TV = r"is|a(?![a-z])|[1-4] ?mi|[0-4](?!\d)[a-d]?[1-3]?|[OoXxLl][a-d]?"
_NV = r"[0-3](?!\d)[a-c]?(?: ?mi)?|[OoXx]"
_NS = r"(?: ?\((?:sn|i ?[-+]|mol ?[-+]|mi|f)\))*"
_B = r"[ \t]{0,6}"
_T = re.compile(
    rf"(?<![A-Za-z])(?P<p>{_PREFIX}) ?T{_B}(?P<v>{_TV})"
    r"(?: ?\((?:m|is|dcis|lcis|\d)[^)]{0,6}\))?(?=[^A-Za-z\d]|[Nn] ?[0-3OoXx]|p ?N|$)",
    re.IGNORECASE,
)
_GAP = r"[ ,;:/.()&-]{0,6}(?:\((?:i|mol|sn|m|\d)[^)]{0,6}\))?[ ,;:/.()-]{0,6}"
_N = re.compile(
    rf"(?<![A-Za-z])(?P<p>{_PREFIX}) ?N{_B}(?P<v>{_NV})(?P<s>{_NS})(?=[^A-Za-z\d]|[Mm] ?[01OoXx]|p ?M|$)",
    re.IGNORECASE,
)
_M = re.compile(
    rf"(?<![A-Za-z])(?P<p>{_PREFIX}) ?M{_B}(?P<v>[01][a-d]?|[OoXx])(?=[^A-Za-z\d]|$)", re.IGNORECASE
)
_RUN = re.compile(
    rf"(?<![A-Za-z])(?P<tp>{_PREFIX}) ?T{_B}(?P<t>{_TV})"
    rf"(?: ?\((?:m|is|dcis|lcis|\d)[^)]{{0,6}}\))?{_GAP}(?P<np>{_PREFIX}) ?N{_B}(?P<n>{_NV})"
    rf"(?P<ns>{_NS})(?:{_GAP}(?P<mp>{_PREFIX}) ?M{_B}(?P<m>[01][a-d]?|[OoXx]))?(?![a-z0-9])",
    re.IGNORECASE,
)
_GROUP = re.compile(
    r"\b(?:stages?|figo|staged as|stage group(?:ing)?)"
    r"(?: (?:is|was|group(?:ing)?|figo|ajcc|uicc|pathologic(?:al)?|clinical|prognostic|anatomic|at least"
    r"|now|\(?\d{4}\)?|\d(?:th)? ed(?:ition|\.)?))*"
    r"[ :,(=*)\[]{1,60}(?:stage )?(?P<g>0|IV|I{1,3}|[1-4])[ -]?(?P<s>[A-C][1-3]?|(?<=0)(?:is|a))?"
    r"(?P<to> ?(?:-|/|to|or|and|vs\.?) ?(?:IV|I{1,3}|[1-4])[A-C]?\b)?(?![A-Za-z0-9+/%]|\.\d)",
    re.IGNORECASE,
)
# A disease with stages of its own whose sentence ends just before: "Chronic kidney disease. Stage 3."
_DISEASE_BEFORE = re.compile(
    r"(?:\b(?:kidney|renal|heart|liver|lung|pulmonary) (?:disease|failure)|\b(?:ckd|copd|chf|hypertension"
    r"|pressure injury|ulcer|sore|wound))[.,;:( \t-]{1,4}$",
    re.IGNORECASE,
)
# "Nodal stage 2", "T stage: 3" are no group; nor are the stages of an operation, a sedation, a study.
_OF_CATEGORY = re.compile(
    r"(?:\b(?:nodal|node|n-?category|sleep|tumou?r size)|(?<![A-Za-z])[yprca]{0,3} ?[TNM])[ -]{1,2}$",
    re.IGNORECASE,
)
_OF_PROCEDURE = re.compile(
    r"\s{1,3}(?:tissue |breast )?(?:sedation|expander|implant|exchange|trial|study|n?rem\b|procedure|surgery"
    r"|operation|revision|repair|seizure|grief|development)",
    re.IGNORECASE,
)
_ENDS = re.compile(r"\s*(?:[.,;)]|$)")
_ARABIC = {"1": "I", "2": "II", "3": "III", "4": "IV"}
_WORD = re.compile(r"\b(?:stages?|staged|staging|tnm|ajcc|uicc|restaged)\b", re.IGNORECASE)
_LOOK_BACK = 40
_NOT_A_CATEGORY = re.compile(
    r"[ -]{0,2}(?:weighted|hypo-?intens\w*|hyper-?intens\w*|iso-?intens\w*|bright|dark|signal\w*|flair"
    r"|images?|imaging|sequences?|mri|w\b|vertebra\w*|body|bodies"
    r"|level|segment\w*|nerve\w*|spin\w*|fracture\w*|compression|wave\w*|peak|latenc\w*|block|root|dermatome|cells?|lymphocyt\w*|helper|receptors?|disc|disk"
    r"|paraspinal|transverse|rib|pedicle|lesion|process|and T\d|/T\d|-T\d|-L\d|through|to T\d|uptake|level"
    r"|phase|mapping|axial|sagittal|coronal|fat|post|pre|toxin|\d+(?:\.\d+)?(?! ?(?:cm|mm)))",
    re.IGNORECASE,
)
_FREE = re.compile(r"\b(?:free|thyroid|tsh|total)\W{0,10}$", re.IGNORECASE)
_LETTERS = re.compile(r"[A-Za-z]")
_LOCAL = re.compile(r"\b(?:end|local|multi)[ -]?$", re.IGNORECASE)


def stages(text: str) -> Iterator[Mention]:
    """Every T, N and M category and stage group; a lone letter only where it can mean nothing else.

    A range of groups ("stage II/III") is none of them.
    """
    starts, ends = [], []
    for run in _RUN.finditer(text):
        if _is_run(run):
            starts.append(run.start())
            ends.append(run.end())
            yield from _of_run(run)
    for slot, pattern in (("t", _T), ("n", _N), ("m", _M)):
        for match in pattern.finditer(text):
            before = bisect_right(starts, match.start()) - 1
            inside = before >= 0 and match.start() < ends[before]
            if not inside and _is_category(text, match, slot):
                suffix = match.groupdict().get("s") or ""
                value = _category(match["p"], slot, match["v"], suffix)
                start = match.end() - len(match[0].lstrip())
                yield Mention(slot=slot, value=value, start=start, end=match.end())
    yield from _groups(text)


def _is_run(run: re.Match[str]) -> bool:
    """Whether T and N categories stand together; "pT2. No nodes" is a T category and the word "no"."""
    if run["t"][0] in "OoLl" and not run["tp"] and run["m"] is None:
        return False
    last = run.end("m") if run["m"] else run.end("n")
    written = run.string[run.start("n") - 1 : run.end("n")]
    return bool(run["np"]) or is_zero(run.string, written, run.start("n") - 1, last, run["m"])


def _groups(text: str) -> Iterator[Mention]:
    for match in _GROUP.finditer(text):
        if match["to"] or is_of_another_thing(text, match.start(), match.end("g")):
            continue
        of_disease = _DISEASE_BEFORE.search(text, max(0, match.start() - 30), match.start())
        if of_disease and _ENDS.match(text, match.end()):
            continue
        of_category = _OF_CATEGORY.search(text, max(0, match.start() - 15), match.start())
        if of_category or _OF_PROCEDURE.match(text, match.end()):
            continue
        if match["g"] == "0" and match["s"] is None and not match[0].lower().startswith("stage"):
            continue
        tail = (match["s"] or "").upper()
        value = _ARABIC.get(match["g"], match["g"].upper()) + (
            tail.lower() if match["g"] == "0" else tail
        )
        yield Mention(slot="group", value=value, start=match.start(), end=match.end())


def _is_category(text: str, match: re.Match[str], slot: str) -> bool:
    prefix, letter = match["p"].strip(), slot.upper()
    if not _is_of_one_case(prefix, match[0], letter):
        return False
    if match["v"] == "a" and slot == "t" and not prefix:
        return False
    if prefix:
        staged = slot != "m" and _is_staging(text, match.start())
        # CN3 is a nerve, CT1 an examination
        certain = is_prefixed(match, slot) and (staged or prefix not in {"C", "U", "R", "A"})
        return certain or ("p" in prefix.lower() and staged)
    if match["v"][0] in "OoLl" or match[0].lstrip()[0].islower():
        return False
    if _NOT_A_CATEGORY.match(text, match.end()) or _FREE.search(
        text, max(0, match.start() - 20), match.start()
    ):
        return False
    return _is_staging(text, match.start())


def _is_of_one_case(prefix: str, words: str, letter: str) -> bool:
    """Whether prefix and letter are written as a category.

    PN1, PN1, pn1, but not Pn1 (perineural invasion).
    """
    written = "".join(_LETTERS.findall(words))[: len(prefix.replace(" ", "")) + 1]
    if not prefix or len(written) < len(prefix) + 1:
        return True
    at = written[-1]
    return not (at == letter.lower() and written[:-1].isupper())


def _of_run(run: re.Match[str]) -> Iterator[Mention]:
    """The categories of "pT2 N1 MX": a prefix at the head holds for all that have none."""
    prefix = run["tp"]
    for slot, own, suffix in (("t", "tp", None), ("n", "np", "ns"), ("m", "mp", None)):
        if run[slot] is not None and _is_of_one_case(
            run[own], run.string[run.start(own) : run.end(slot)], slot.upper()
        ):
            value = _category(
                run[own] or prefix, slot, run[slot], run[suffix] or "" if suffix else ""
            )
            start = run.start(own) if run[own] else run.start(slot) - 1
            # the prefix may begin with a blank
            while run.string[start].isspace():
                start += 1
            # the letter before the category, past a blank
            while run.string[start] not in "TNMtnm" and not run[own]:
                start -= 1
            yield Mention(slot=slot, value=value, start=start, end=run.end(slot))


def _is_staging(text: str, start: int) -> bool:
    """Whether a word of staging stands before it in its clause."""
    clause = re.split(r"[;\n]|\.\s", text[max(0, start - _LOOK_BACK) : start])[-1]
    return bool(_WORD.search(clause))


def _category(prefix: str, slot: str, value: str, suffix: str) -> str:
    prefix = prefix.replace(" ", "").lower()
    value = value.replace(" ", "")
    head, tail = value[0], value[1:].lower()
    if value.lower() in {"is", "a"}:
        return f"{prefix}T{value.lower()}"
    head = {"o": "0", "l": "1", "x": "X"}.get(head.lower(), head)
    return f"{prefix}{slot.upper()}{head}{tail}{suffix.replace(' ', '').lower()}"
