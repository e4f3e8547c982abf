"""Answers made from what is known of a case: perfect ones, and plausible wrong ones.

A perfect answer says each expected fact in the report's own words where it names one. A wrong one says a forbidden fact, or
confuses one that is expected: the other side, the other receptor status, invasive for in situ, another part's name, a stage that
the report does not give.
"""

import re
from collections.abc import Iterator

from oncofhir.evaluation.cases import Case, Fact
from oncofhir.schemas.extraction import Answer
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology.neoplasm_mentions import NeoplasmMention, find_neoplasms
from oncofhir.terminology.sites import find_sites, sites

QUESTIONS = {
    Kind.TUMOR_SIZE: "tumor size",
    Kind.TUMOR_SITE: "tumor site",
    Kind.TUMOR_LATERALITY: "tumor laterality",
    Kind.HISTOLOGICAL_TYPE: "histological type",
    Kind.CANCER_GRADE: "cancer grade",
    Kind.CANCER_STAGE: "cancer stage",
    Kind.HORMONE_RECEPTOR: "hormone receptor status",
    Kind.DIAGNOSIS: "diagnosis",
}
_LOOK = re.compile(r"\(\?[!=](?:[^()]|\([^()]*\))*\)")
_OTHER_SIDE = {"left": "right", "right": "left", "bilateral": "left", "midline": "left"}
_OTHER_STATUS = {"positive": "negative", "negative": "positive", "equivocal": "positive"}
_RECEPTORS = ("ER", "PR", "HER2")


def words_of(pattern: str) -> list[str]:
    """Words that a pattern of a case matches, one for each alternative; only what the cases use is known."""
    plain = _LOOK.sub("", pattern)
    found = []
    for alternative in _split(plain):
        bare = alternative.replace("^", "").replace("$", "")
        for words in (_expanded(bare), _expanded(re.sub(r"(?<=\w)\?", "", bare))):
            if words and words not in found and re.search(pattern, words.lower()):
                found.append(words)
    return found


def _in_text(words: list[str], case: Case) -> str:
    """The longest of these words that the report has, else the first."""
    said = [w for w in words if re.search(rf"\b{re.escape(w)}", case.text, re.IGNORECASE)]
    return max(said, key=len, default=words[0] if words else "")


def _split(pattern: str) -> list[str]:
    """The alternatives on the outermost level."""
    parts, depth, last = [], 0, 0
    for at, char in enumerate(pattern):
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            parts.append(pattern[last:at])
            last = at + 1
    return [*parts, pattern[last:]]


def _expanded(pattern: str) -> str:
    """The shortest words of a pattern: the first of each group and class, optional parts left out."""
    while group := re.search(r"\(([^()]*)\)(\??)", pattern):
        first = "" if group[2] else group[1].split("|")[0]
        pattern = pattern[: group.start()] + first + pattern[group.end() :]
    pattern = re.sub(r"\[([^\]])[^\]]*\][+*]?", r"\1", pattern)
    pattern = re.sub(r"\\s\?", " ", pattern)
    pattern = re.sub(r"[^\\]\?", "", pattern)
    return re.sub(r"\\(.)", r"\1", pattern.replace(".*", " ")).replace(".", "").strip()


def answers_of(claims: dict[Kind, list[str]]) -> tuple[Answer, ...]:
    """The answers to the questions, several values of one in one answer, as a model gives them."""
    return tuple(
        Answer(question=QUESTIONS[kind], text="; ".join(dict.fromkeys(said)), finish_reason="stop")
        for kind, said in claims.items()
        if said
    )


def perfect(case: Case) -> dict[Kind, list[str]]:
    """The expected facts of a case, as a model that reads without a fault says them."""
    mentions = list(find_neoplasms(case.text))
    claims: dict[Kind, list[str]] = {}
    for fact in case.expected:
        said = _perfect(fact, case, mentions)
        if said:
            claims.setdefault(fact.kind, []).append(said)
    return claims


def _perfect(fact: Fact, case: Case, mentions: list[NeoplasmMention]) -> str:
    if fact.kind is Kind.HORMONE_RECEPTOR:
        return f"{fact.slot} {words_of(fact.pattern)[0]}"
    if fact.kind is Kind.CANCER_STAGE:
        return _stage(fact, _in_text(words_of(fact.pattern), case))
    if fact.kind is Kind.HISTOLOGICAL_TYPE:
        return _named(fact, mentions) or words_of(fact.pattern)[0]
    if fact.kind is Kind.DIAGNOSIS:
        return _diagnosis(fact, case, mentions)
    return _in_text(words_of(fact.pattern), case)


def _stage(fact: Fact, words: str) -> str:
    if fact.slot == "group":
        return f"stage {words.upper()}"
    return re.sub(r"[tnmx]", lambda m: m[0].upper(), words)


def _named(fact: Fact, mentions: list[NeoplasmMention]) -> str | None:
    """The report's own name that the fact means, the longest."""
    fitting = [m.said for m in mentions if re.search(fact.pattern, m.said)]
    return max(fitting, key=len, default=None)


def _diagnosis(fact: Fact, case: Case, mentions: list[NeoplasmMention]) -> str:
    """The diagnosis in words that the fact means: a metastasis, the report's name, or a cancer of the organ."""
    alternatives = words_of(fact.pattern) or [""]
    first = alternatives[0]
    name = next((m.said for m in mentions if m.behaviour is not Behaviour.BENIGN), "cancer")
    if first.startswith("metasta"):
        return name if "metasta" in name else f"metastatic {name}"
    said = _named(fact, mentions)
    organ = _organ(first, fact, case)
    if organ and first not in name:
        return f"{organ} cancer"
    return said or name


def _organ(words: str, fact: Fact, case: Case) -> str | None:
    """The organ that the first words of a pattern name, or that the whole pattern fits in the report."""
    named = [site.name for site, _, _ in find_sites(words)]
    of_report = [site.name for site, _, _ in find_sites(case.text)]
    fitting = [one for one in of_report if words and one.startswith(words)]
    fitting += [one for one in of_report if re.search(fact.pattern, one)]
    fitting += [one.name for one in sites() if words and one.name.startswith(words)]
    return next(iter((*named, *fitting)), None)


def wrong(case: Case) -> Iterator[tuple[Kind, str, str]]:
    """Plausible wrong answers to a case: the kind, the answer, and why it is wrong."""
    for fact in case.forbidden:
        for words in _forbidden(fact, case):
            yield fact.kind, words, fact.why or "forbidden"
    yield from _confused(case)


def _forbidden(fact: Fact, case: Case) -> list[str]:
    words = words_of(fact.pattern)
    open_ended = fact.pattern == "."
    if fact.kind is Kind.HORMONE_RECEPTOR:
        slots = _RECEPTORS if fact.slot in {None, "*"} else (fact.slot,)
        states = [w for w in words if w in _OTHER_STATUS] or list(_OTHER_STATUS)
        states = [s for s in states if re.search(fact.pattern, s)]
        return [f"{slot} {state}" for slot in slots for state in states]
    if fact.kind is Kind.CANCER_STAGE:
        usual = {
            "t": ["pT2", "T1"],
            "n": ["pN1", "N0"],
            "m": ["M1", "M0"],
            "group": ["stage II", "stage III"],
        }
        if open_ended:
            slots = usual if fact.slot in {None, "*"} else {fact.slot: usual[fact.slot]}
            return [value for values in slots.values() for value in values]
        return [_stage(fact, word) for word in words]
    if open_ended:
        return {
            Kind.CANCER_GRADE: ["1", "2", "3", "high"],
            Kind.TUMOR_LATERALITY: ["left", "right"],
            Kind.TUMOR_SIZE: _sizes(case),
            Kind.HISTOLOGICAL_TYPE: _names(case) or ["adenocarcinoma"],
            Kind.DIAGNOSIS: [*_cancers(case), *_names(case)],
            Kind.TUMOR_SITE: [],
        }[fact.kind]
    if fact.kind is Kind.DIAGNOSIS:
        return [w if _is_disease(w) else f"{w} cancer" for w in words] or [
            c for c in _cancers(case) if re.search(fact.pattern, c)
        ]
    return words


def _confused(case: Case) -> Iterator[tuple[Kind, str, str]]:
    """The expected facts, systematically confused, unless the case accepts what comes of it."""
    for fact in case.expected:
        said = words_of(fact.pattern)
        word = said[0] if said else ""
        if fact.kind is Kind.TUMOR_LATERALITY and word in _OTHER_SIDE:
            yield from _unless_known(case, fact, _OTHER_SIDE[word], "the other side")
        if fact.kind is Kind.HORMONE_RECEPTOR and word in _OTHER_STATUS:
            for other in _unless_known(case, fact, _OTHER_STATUS[word], "the other status"):
                yield other[0], f"{fact.slot} {other[1]}", other[2]
        if fact.kind is Kind.DIAGNOSIS and re.search("situ|dcis|lcis", fact.pattern):
            for organ in _cancers(case):
                yield from _unless_known(case, fact, f"invasive {organ}", "in situ only")
        if fact.kind is Kind.HISTOLOGICAL_TYPE and "non" in fact.pattern:
            yield from _unless_known(case, fact, "small cell carcinoma", "non-small")
    if not any(
        f.kind is Kind.CANCER_STAGE and f.slot == "group"
        for f in (*case.expected, *case.acceptable)
    ):
        yield Kind.CANCER_STAGE, "stage IVB", "no such stage is given"
    if not any(f.kind is Kind.HORMONE_RECEPTOR for f in (*case.expected, *case.acceptable)):
        yield Kind.HORMONE_RECEPTOR, "HER2 positive", "no receptor is told"


def _unless_known(case: Case, fact: Fact, word: str, why: str) -> Iterator[tuple[Kind, str, str]]:
    known = [
        f
        for f in (*case.expected, *case.acceptable)
        if f.kind is fact.kind and f.slot in {fact.slot, "*"}
    ]
    if not any(re.search(f.pattern, word) for f in known):
        yield fact.kind, word, why


def _sizes(case: Case) -> list[str]:
    return re.findall(r"\b\d+(?:\.\d+)?\s?(?:mm|cm)\b", case.text)[:3] or ["20 mm"]


def _names(case: Case) -> list[str]:
    return list(dict.fromkeys(m.said for m in find_neoplasms(case.text)))


def _cancers(case: Case) -> list[str]:
    organs = dict.fromkeys(site.name for site, _, _ in find_sites(case.text))
    return [f"{organ} cancer" for organ in organs] or ["cancer"]


def _is_disease(words: str) -> bool:
    return next(find_neoplasms(words), None) is not None or "metasta" in words
