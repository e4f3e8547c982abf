"""Finds the words of an answer in a report: verbatim, then in another order, then with a letter wrong.

Bounded: every word must be there, close to the others; a short word must be exact.
"""

import re
from collections import defaultdict
from functools import cached_property
from itertools import product

_WORD = re.compile(r"[^\W_]+")
_SMALL = frozenset(
    ["a", "an", "and", "at", "for", "in", "is", "of", "on", "or", "the", "to", "with"]
)
_EXACT_BELOW = 6  # letters; a shorter word with a letter wrong may be another word
_TWO_FROM = 12  # letters from which two may be wrong: "carcinoid" is no spelling of "carcinoma"
_LOOK_ALIKE = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"))
_SPREAD = 40  # characters that may stand between the words, the words themselves not counted
_MOST_SPELLINGS = 4
_MOST_PLACES = 200


class Phrases:
    """A text whose words are looked up again and again."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _words(self) -> dict[str, list[tuple[int, int]]]:
        words: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for match in _WORD.finditer(self._text):
            words[match[0].lower()].append(match.span())
        return words

    def find_exact(self, phrase: str) -> list[tuple[int, int]]:
        """Where the phrase stands, whatever its case, blanks, hyphens and commas."""
        words = _WORD.findall(phrase)
        if not words:
            return []
        pattern = re.compile(
            r"(?<![^\W_])" + r"[\W_]{1,4}".join(map(re.escape, words)) + r"(?![^\W_])",
            re.IGNORECASE,
        )
        return [match.span() for match in pattern.finditer(self._text)]

    def find_fuzzy(self, phrase: str) -> list[tuple[int, int]]:
        """Where all its words stand together in any order, small words left out, spelling bounded."""
        wanted = [w.lower() for w in _WORD.findall(phrase) if w.lower() not in _SMALL]
        wanted = list(dict.fromkeys(wanted))
        if not wanted:
            return []
        spellings = [self._spellings(word) for word in wanted]
        if not all(spellings):
            return []
        room = sum(map(len, wanted)) + _SPREAD
        found: set[tuple[int, int]] = set()
        for choice in product(*spellings):
            found |= self._together(choice, room)
        return sorted(found)[:_MOST_PLACES]

    def _spellings(self, word: str) -> list[str]:
        if word in self._words:
            return [word]
        if len(word) < _EXACT_BELOW or not word.isalpha():
            return []
        bound = 2 if len(word) >= _TWO_FROM else 1
        wanted = _as_scanned(word)
        return [
            w
            for w, scanned in self._scanned
            if abs(len(scanned) - len(wanted)) <= bound
            and scanned[0] == wanted[0]
            and _distance(scanned, wanted) <= bound
        ][:_MOST_SPELLINGS]

    @cached_property
    def _scanned(self) -> list[tuple[str, str]]:
        return [(word, _as_scanned(word)) for word in self._words]

    def _together(self, words: tuple[str, ...], room: int) -> set[tuple[int, int]]:
        """The stretches around each place of the rarest word that hold all the others."""
        rarest, *others = sorted(words, key=lambda w: len(self._words[w]))
        found = set()
        for start, end in self._words[rarest][:_MOST_PLACES]:
            spans = [(start, end)]
            for other in others:
                nearest = min(self._words[other], key=lambda span: abs(span[0] - start))
                spans.append(nearest)
            first, last = min(s for s, _ in spans), max(e for _, e in spans)
            if last - first <= room:
                found.add((first, last))
        return found


def _as_scanned(word: str) -> str:
    """Letters that OCR takes for one another become the same."""
    for one, other in _LOOK_ALIKE:
        word = word.replace(one, other)
    return word


def _distance(one: str, other: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        previous, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]
