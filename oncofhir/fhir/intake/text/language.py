"""The language of a report, stated only where it is certain.

The detector is fastText with its compressed model for 176 languages (Joulin et al., Bag of Tricks for
Efficient Text Classification, EACL 2017; https://fasttext.cc/docs/en/language-identification.html),
which is in this folder. Names of diseases are Latin and Greek in every language, and tables,
categories and abbreviations are of none: where the detector is not sure, no language is stated.
"""

import re
from collections.abc import Collection
from functools import cache
from importlib.resources import as_file, files
from typing import Protocol, cast

import fasttext

# Of 566 English texts (pathology, notes, tables, forms) none of 12 words had another language at 0.7.
_CERTAIN = 0.7
_UNLIKELY = 0.05
_LEAST_WORDS = 12
_LEAST_LETTERS_WITHOUT_SPACES = 24  # of scripts that put no spaces between words
_MOST_WORDS = 4_000
_CANDIDATES = 10
_WORD = re.compile(r"[^\W\d_]{2,}")
_WITHOUT_SPACES = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


class _Model(Protocol):
    def predict(self, text: str, k: int, threshold: float) -> tuple[list[str], list[float]]:
        """Return labels and their probabilities, the likeliest first."""
        ...


def other_language(text: str, languages: Collection[str]) -> str | None:
    """Return the language (ISO 639-1 or 639-3) of a text that is certainly in none of `languages`, else None.

    A text that is short or not certainly in one language has no other language.
    """
    words = [
        match[0].lower() for match, _ in zip(_WORD.finditer(text), range(_MOST_WORDS), strict=False)
    ]
    joined = " ".join(words)
    if (
        len(words) < _LEAST_WORDS
        and len(_WITHOUT_SPACES.findall(joined)) < _LEAST_LETTERS_WITHOUT_SPACES
    ):
        return None
    labels, probabilities = _model().predict(joined, k=_CANDIDATES, threshold=0.0)
    likely = {
        label.removeprefix("__label__"): probability
        for label, probability in zip(labels, probabilities, strict=True)
    }
    first = next(iter(likely), None)
    if first is None or first in languages or likely[first] < _CERTAIN:
        return None
    return first if sum(likely.get(one, 0.0) for one in languages) <= _UNLIKELY else None


@cache
def _model() -> _Model:
    with as_file(files("oncofhir.fhir.intake.text").joinpath("lid.176.ftz")) as path:
        return cast("_Model", fasttext.load_model(str(path)))
