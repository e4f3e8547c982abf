"""The questions that the model learns from: what is asked, what is given, what is to be answered."""

import hashlib
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from model.augment import variant
from model.cases import MISSING, answers
from model.generate import Split, reports
from oncofhir.inference.prompting.prompts import DIAGNOSIS, PromptSet
from oncofhir.inference.prompting.retrieval import excerpt, questions

HELD_OUT = 12  # one report in so many, by the hash of its id
REAL_SHARE = 0.6
# Answers that must be copied digit by digit or word by word are learned last: they are shown more often.
SHOWN = {
    "tumor size": 5.0,
    "cancer stage": 3.5,
    "cancer grade": 3.0,
    "histological type": 3.0,
    "hormone receptor status": 2.5,
    "tumor laterality": 1.5,
    "tumor site": 1.5,
    "diagnosis": 2.0,
    "hormone receptor type": 0.7,
}
MISSING_SHARE = 0.12  # of the answers shown that are "not mentioned"
VARIED = 0.7  # of the real questions, in another value (model/augment.py)
_NUMBER = re.compile(r"\d+(?:[.,]\s?\d+)?|\.\d+")
_UNIT = re.compile(r"[cm]m|centimeters?|millimeters?")


@dataclass(frozen=True)
class Question:
    """One question on one report."""

    name: str
    given: str
    answer: str

    @property
    def said(self) -> str:
        """The answer that the model is to give: of a size its longest dimension alone.

        The other dimensions stand beside it in the report, where grounding finds them; copying three
        numbers without a slip is more than so small a model can do.
        """
        if self.name != "tumor size" or self.answer == MISSING:
            return self.answer
        numbers = _NUMBER.findall(self.answer)
        unit = _UNIT.findall(self.answer)
        longest = max(
            numbers, key=lambda number: float(re.sub(r"\s", "", number).replace(",", "."))
        )
        return f"{longest} {unit[-1]}" if unit else str(longest)

    def prompt(self, prompts: PromptSet) -> str:
        """The prompt as inference writes it."""
        diagnosis = self.name == DIAGNOSIS
        return prompts.prompt(self.name, f"1) Report: {self.given}" if diagnosis else self.given)


def synthetic(count: int, seed: int, split: Split) -> list[Question]:
    """Questions on synthetic reports whose answer stands in what the model is given."""
    found = []
    for text, of in reports(count, seed, split):
        gold = answers(of)
        for name in questions():
            given, answer = excerpt(text, name), gold[name]
            free = name == DIAGNOSIS or name.startswith("hormone") or answer == MISSING
            if given and (free or answer in given):
                found.append(Question(name, given, answer))
    return found


def is_held_out(report: str) -> bool:
    """Whether training leaves the report out."""
    return int(hashlib.sha256(report.encode()).hexdigest(), 16) % HELD_OUT == 0


def split_by_report(
    rows: Iterable[tuple[str, str, str, str]],
) -> tuple[list[Question], list[Question]]:
    """Training and held-out questions; a report is in one of them."""
    training: list[Question] = []
    held: list[Question] = []
    for report, name, given, answer in rows:
        (held if is_held_out(report) else training).append(Question(name, given, answer))
    return training, held


class Pool:
    """Draws questions so that each kind comes as often as `SHOWN` says, real and synthetic."""

    def __init__(self, real: list[Question], made: list[Question], random_: random.Random) -> None:
        self._random = random_
        self._rows: dict[tuple[str, bool, bool], list[Question]] = {}
        for is_real, rows in ((True, real), (False, made)):
            for row in rows:
                key = (row.name, is_real, row.answer == MISSING)
                self._rows.setdefault(key, []).append(row)

    def draw(self, count: int) -> Iterator[Question]:
        """`count` questions; of the real ones most with another value."""
        names = self._random.choices(list(SHOWN), list(SHOWN.values()), k=count)
        for name in names:
            row = self._one(name)
            if row is None:
                continue
            given, answer = row.given, row.answer
            if self._random.random() < VARIED:
                given, answer = variant(self._random, name, given, answer)
            yield Question(name, given, answer)

    def _one(self, name: str) -> Question | None:
        is_real = self._random.random() < REAL_SHARE
        missing = self._random.random() < MISSING_SHARE
        for key in (
            (name, is_real, missing),
            (name, is_real, not missing),
            (name, not is_real, missing),
            (name, not is_real, not missing),
        ):
            if key in self._rows:
                return self._random.choice(self._rows[key])
        return None
