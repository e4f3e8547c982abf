"""The names of neoplasms in a text: which, where, and with what behaviour as the words have it.

Whether a mention is affirmed, whose it is and when is not asked here.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

from oncofhir.schemas.base import Value
from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology.lowered import lowered
from oncofhir.terminology.neoplasms import (
    NOT_MALIGNANT,
    Neoplasm,
    broader_names,
    is_generic,
    is_kind_of,
    neoplasm,
    neoplasms,
    qualifiers,
)
from oncofhir.terminology.spelling import Token, plain, tokens

# What may stand between two words of one name: white space with one line break, a hyphen, a slash, a comma.
_GAP = re.compile(r"[ \t]{0,3},?[ \t]{0,3}\r?\n?[ \t]{0,8}|[ \t]?[-\u2010\u2011/][ \t]?\n?")
_QUALIFIER_GAP = re.compile(r"[ \t]*[,(:\u2013-][ \t]*\n?[ \t]*|[ \t]+")
_IN_SITU_GAP = re.compile(r"[ \t]*[-,(]?[ \t]*\n?[ \t]*")
_FAR = 60  # characters around an abbreviation in which a word gives it another meaning
_METASTATIC = re.compile(
    r"\bmetasta(?:tic|sis|ses)\b(?:[ \t-]+(?:of|from|by|with|consistent|deposits?))*"
    r"(?:[ \t-]+(?:an?|the|[a-z]+))??(?:[ \t-]+[a-z]+)?[\s-]*$"
)
_INVADES = re.compile(
    r"[ \t]*,?[ \t]*with[ \t]+(?:focal |early |areas? of )?(?:micro-?)?invasion\b"
)

_STAYS = frozenset({"noninvasive", "noninfiltrating", "situ"})
_GROWS_IN = frozenset({"invasive", "infiltrating", "infiltrative"})
_NEVER_FIRST = frozenset({"grade", "cell", "situ", "differentiated"})
# The endings of names that no table lists, and the name that each has there.
_ENDINGS = {
    "adenocarcinoma": "adenocarcinoma", "adenokarzinom": "adenocarcinoma", "carcinoma": "carcinoma",
    "karzinom": "carcinoma", "carcinome": "carcinoma", "liposarcoma": "liposarcoma", "sarcoma": "sarcoma",
    "lymphoma": "lymphoma", "leukemia": "leukemia", "melanoma": "melanoma",
}  # fmt: skip
_LAST_WORDS = tuple(_ENDINGS)


class NeoplasmMention(Value):
    """A neoplasm named in a text, `start` to `end` with the words that qualify its name.

    `behaviour` is what the words say here, else the name's. `said` is the text in lower case with single
    spaces.
    """

    neoplasm: Neoplasm
    behaviour: Behaviour
    said: str
    start: int
    end: int


def find_neoplasms(text: str) -> Iterator[NeoplasmMention]:
    """Each neoplasm that a text names, in text order, without overlaps; the longest name wins."""
    lower = lowered(text)
    words = list(tokens(lower))
    floor = 0
    for position in [number for number, word in enumerate(words) if _may_name(word.plain)]:
        found = _listed(text, lower, words, position) or _unlisted(words[position])
        if found is None or position < floor:
            continue
        name, length = found
        first = _leftmost(lower, words, position, floor)
        last, name, behaviour = _qualified(lower, words, position + length - 1, name)
        start, end = words[first].start, words[last].end
        yield NeoplasmMention(
            neoplasm=name,
            behaviour=_behaviour(lower, words[first : last + 1], name, behaviour),
            said=" ".join(lower[start:end].split()),
            start=start,
            end=end,
        )
        floor = last + 1


def neoplasm_of(text: str) -> NeoplasmMention | None:
    """The most specific neoplasm that a short text names, an abbreviation in any case; None if none."""
    found = [*find_neoplasms(text), *find_neoplasms(text.upper())]
    return max(found, key=lambda m: (not is_generic(m.neoplasm.name), _depth(m)), default=None)


def _depth(mention: NeoplasmMention) -> int:
    return len(broader_names(mention.neoplasm.name))


@cache
def _index() -> tuple[dict[str, list[tuple[tuple[str, ...], Neoplasm]]], dict[str, Neoplasm]]:
    """The names by their first word, the longest first; and the abbreviations that count in capitals only."""
    by_first: dict[str, list[tuple[tuple[str, ...], Neoplasm]]] = {}
    capitals: dict[str, Neoplasm] = {}
    for one in neoplasms().values():
        for word in (one.name, *one.words):
            if word.isupper():
                capitals[word] = one
                continue
            parts = tuple(plain(word).split())
            by_first.setdefault(parts[0], []).append((parts, one))
    for names in by_first.values():
        names.sort(key=lambda entry: len(entry[0]), reverse=True)
    return by_first, capitals


@cache
def _by_plain() -> dict[str, Neoplasm]:
    return {" ".join(parts): one for names in _index()[0].values() for parts, one in names}


def _may_name(word: str) -> bool:
    by_first, capitals = _index()
    short = word.upper()
    return (
        word in by_first
        or short in capitals
        or short.removesuffix("S") in capitals
        or word.endswith(_LAST_WORDS)
    )


def _listed(
    text: str, lower: str, words: Sequence[Token], position: int
) -> tuple[Neoplasm, int] | None:
    by_first, capitals = _index()
    word = words[position]
    for parts, one in by_first.get(word.plain, ()):
        end = position + len(parts)
        run = words[position:end]
        if (
            len(run) == len(parts)
            and all(token.plain == part for token, part in zip(run, parts, strict=True))
            and _together(lower, run, _GAP)
            and _means(one.not_near, lower, run[0].start, run[-1].end)
        ):
            return one, len(parts)
    said = text[word.start : word.end]
    short = capitals.get(said) or capitals.get(said.removesuffix("s"))
    if short is None or not _means(short.unless, lower, word.start, word.end):
        return None
    return short, 1


def _means(unless: str | None, lower: str, start: int, end: int) -> bool:
    """Whether nothing near the words gives them another meaning."""
    return not unless or not re.search(unless, lower[max(0, start - _FAR) : end + _FAR])


def _unlisted(word: Token) -> tuple[Neoplasm, int] | None:
    """The broad name of a word that is none of the table and ends as the names of malignancies do."""
    broad = next((name for ending, name in _ENDINGS.items() if word.plain.endswith(ending)), None)
    return (neoplasm(broad), 1) if broad else None


def _together(lower: str, run: Sequence[Token], gap: re.Pattern[str]) -> bool:
    return all(gap.fullmatch(lower, one.end, other.start) for one, other in pairwise(run))


def _leftmost(lower: str, words: Sequence[Token], position: int, floor: int) -> int:
    """Where the name begins with the words before it that qualify it."""
    first, before = position, qualifiers().before
    while first > floor and words[first - 1].plain in before:
        if not _GAP.fullmatch(lower, words[first - 1].end, words[first].start):
            break
        first -= 1
    while first < position and words[first].plain in _NEVER_FIRST:
        first += 1
    return first


def _qualified(
    lower: str, words: Sequence[Token], last: int, name: Neoplasm
) -> tuple[int, Neoplasm, Behaviour | None]:
    """The end of the name, the name and its behaviour with what follows it: "in situ", "mucinous type"."""
    behaviour = None
    following = words[last + 1 : last + 3]
    if [token.plain for token in following] == ["in", "situ"] and _together(
        lower, words[last : last + 2], _IN_SITU_GAP
    ):
        last, behaviour = last + 2, Behaviour.IN_SITU
        of_name = _by_plain().get(f"{plain(name.name)} in situ")
        name = of_name or name
    if _INVADES.match(lower, words[last].end):
        behaviour = Behaviour.INVASIVE
    end, known = last, qualifiers()
    while end + 1 < len(words) and words[end + 1].plain in known.behind:
        gap = _QUALIFIER_GAP if end == last else _GAP
        if not gap.fullmatch(lower, words[end].end, words[end + 1].start):
            break
        end += 1
    if end == last:
        return last, name, behaviour
    qualifier = [word.plain for word in words[last + 1 : end + 1] if word.plain not in known.types]
    separated = lower[words[last].end : words[last + 1].start].strip() != ""
    if not separated and words[end].plain not in known.types:
        return last, name, behaviour
    specific = _by_plain().get(" ".join([*qualifier, plain(name.name)]))
    return end, specific or name, behaviour


def _says_malignant(words: set[str]) -> bool:
    """Whether words say that it is malignant and not that it may become so ("low malignant potential")."""
    return "malignant" in words and "potential" not in words


def _behaviour(
    lower: str, run: Sequence[Token], name: Neoplasm, said: Behaviour | None
) -> Behaviour:
    words = {token.plain for token in run}
    own = name.behaviour
    before = lower[max(0, run[0].start - _FAR) : run[0].start]
    rules = (
        (bool(words & {"metastatic", "secondary"}), Behaviour.METASTATIC),
        (_METASTATIC.search(before) is not None, Behaviour.METASTATIC),
        (said is not None, said or own),
        (own is Behaviour.INVASIVE and bool(words & _STAYS), Behaviour.IN_SITU),
        (
            own is Behaviour.IN_SITU and "situ" not in words and bool(words & _GROWS_IN),
            Behaviour.INVASIVE,
        ),
        (own in NOT_MALIGNANT and _says_malignant(words), Behaviour.INVASIVE),
        ("benign" in words and not is_kind_of(name.name, "carcinoma"), Behaviour.BENIGN),
        ("borderline" in words, Behaviour.BORDERLINE),
    )
    return next((behaviour for holds, behaviour in rules if holds), own)
