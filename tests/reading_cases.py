"""The cases of `tests/data/reading`, and what interpretation makes of answers to their questions."""

import asyncio
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from oncofhir.evaluation.cases import Case, read_cases
from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.rules import Rules
from oncofhir.schemas.extraction import Answer
from oncofhir.schemas.report import Report

FOLDER = Path(__file__).parent / "data" / "reading"
FILES = tuple(sorted(file.stem for file in FOLDER.glob("*.jsonl")))
HELD_OUT = "held_out_"


@cache
def cases_of(file: str) -> tuple[Case, ...]:
    """The cases of a file of the folder, by its stem."""
    return read_cases(FOLDER / f"{file}.jsonl").cases


@cache
def report_of(case: Case) -> Report:
    """A case's report, as `oncofhir extract` reads a text file."""
    return report_from_text(case.text.encode(), case.id)


def answers_of_rules(cases: Iterable[Case]) -> list[tuple[Answer, ...]]:
    """What the rules answer to the questions of each case's report."""

    async def all_of() -> list[tuple[Answer, ...]]:
        rules = Rules()
        return [await rules.answer(report_of(case)) for case in cases]

    return asyncio.run(all_of())


def thresholds() -> dict[str, dict[str, float]]:
    """The least recall and the most wrong findings of each file."""
    return tomllib.loads((FOLDER / "thresholds.toml").read_text(encoding="utf-8"))
