"""British and American spelling, hyphens and eponyms in the names of diseases: one plain form of each word.

The pairs are those in which the displays of ICD-10 (British) and ICD-10-CM (American) differ in chapter 2.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_TO_AMERICAN = (
    ("tumour", "tumor"),
    ("leukaem", "leukem"),
    ("haem", "hem"),
    ("aemi", "emi"),
    ("oesoph", "esoph"),
    ("paed", "ped"),
    ("phaeo", "pheo"),
    ("naev", "nev"),
    ("seborrhoe", "seborrhe"),
    ("inis", "iniz"),
    ("behaviour", "behavior"),
    ("centre", "center"),
    ("smoulder", "smolder"),
)
_EPONYMS = frozenset({"hodgkins", "wilms", "wilm"})
_ACCENTS = str.maketrans("öüéè", "ouee")
_TOKEN = re.compile(r"[^\W_]+(?:['\u2019`](?:s\b|(?!\w)))?")
_JOINS = re.compile(r"[ \t]?[-\u2010\u2011]?[ \t]?")


class Token(NamedTuple):
    """A word of a text: its plain form and its offsets."""

    plain: str
    start: int
    end: int


@lru_cache(maxsize=20_000)
def plain_word(word: str) -> str:
    """One word in lower case and American spelling, without accents, an eponym's ending and a plural's."""
    found = re.sub(r"['\u2019`]s?$", "", word.lower()).translate(_ACCENTS)
    for british, american in _TO_AMERICAN:
        found = found.replace(british, american)
    if found in _EPONYMS:
        return found.rstrip("s")
    return (
        found[:-1] if re.search(r"(?:oma|tumor|neoplasm|cancer|leukemia|oid)s$", found) else found
    )


def tokens(text: str) -> Iterator[Token]:
    """The words of a text; "non" is one word with the word that it denies ("non-small": "nonsmall")."""
    before: tuple[int, int] | None = None
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        word = plain_word(match[0])
        if before is not None:
            if _JOINS.fullmatch(text, before[1], start):
                word, start = f"non{word}", before[0]
            else:
                yield Token("non", *before)
            before = None
        if word == "non":
            before = (start, end)
        else:
            yield Token(word, start, end)
    if before is not None:
        yield Token("non", *before)


def plain(words: str) -> str:
    """A name as its plain words with single spaces."""
    return " ".join(token.plain for token in tokens(words))
