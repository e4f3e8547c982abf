"""Tests whether two results of one dataset differ by more than chance: the paired bootstrap.

The same reports are drawn with replacement for both; each draw gives the second minus the first.
`interval` is the middle 95 % of the differences; `p` is two-sided, twice the smaller share of draws on a side
of no difference (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 15; for paired
test sets: Koehn, EMNLP 2004), one draw added to each count so that it is never 0.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oncofhir.evaluation.dataset import DatasetError
from oncofhir.evaluation.scoring.scores import (
    Counts,
    Interval,
    count_array,
    interval,
    overall,
    weights,
)
from oncofhir.evaluation.scoring.tally import NAMES, Tally
from oncofhir.schemas.base import Value

DRAWS = 5000
_COUNTS = 4


class Difference(Value):
    """One measure's F1 in both results. `difference` is second minus first."""

    first: float
    second: float
    difference: float
    interval: Interval
    p: float


class _DatasetOf(BaseModel):
    sha256: str


class Result(BaseModel):
    """The part of a result file that a comparison needs."""

    model_config = ConfigDict(hide_input_in_errors=True)

    dataset: _DatasetOf
    model: dict[str, Any]
    prompt_set: dict[str, Any]
    reports: dict[str, dict[str, tuple[int, int, int, int]]] = Field(min_length=1)

    def tallies(self, key: str) -> dict[str, Tally]:
        return {
            name: Tally(right=c[0], related=c[1], claimed=c[2], wanted=c[3])
            for name, c in self.reports[key].items()
            if name in NAMES
        }


def read_result(path: Path) -> Result:
    """Read a result of `oncofhir evaluate`.

    Raises:
        DatasetError: the file is not such a result.
    """
    try:
        return Result.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}") from error
    except (ValidationError, ValueError) as error:
        raise DatasetError(f"{path}: no result of 'oncofhir evaluate'") from error


def compare(first: Result, second: Result, seed: int) -> dict[str, Any]:
    """Return the differences of micro F1, macro F1 and the F1 of each phenotype.

    Raises:
        DatasetError: the results are not of the same dataset.
    """
    if set(first.reports) != set(second.reports):
        raise DatasetError("the two results are not of the same dataset")
    keys = sorted(first.reports)
    counts = [count_array([result.tallies(key) for key in keys]) for result in (first, second)]
    if not np.array_equal(counts[0][..., 3], counts[1][..., 3]):
        raise DatasetError("the two results are not of the same labels")
    drawn = weights(len(keys), DRAWS, seed)
    whole = [overall(c.sum(axis=0)) for c in counts]
    draws = [overall(_drawn(drawn, c)) for c in counts]
    labelled = overall(counts[0][..., [3, 3, 3, 3]].sum(axis=0))
    return {
        "reports": len(keys),
        "seed": seed,
        "first": _named(first),
        "second": _named(second),
        "differences": {
            name: _difference(whole[0][name], whole[1][name], draws[1][name] - draws[0][name])
            for name in whole[0]
            if labelled[name] > 0
        },
    }


def _drawn(drawn: Counts, counts: Counts) -> Counts:
    flat = drawn @ counts.reshape(len(counts), -1)
    return flat.reshape(len(drawn), len(NAMES), _COUNTS)


def _difference(first: Counts, second: Counts, draws: Counts) -> Difference:
    at_most = (1 + (draws <= 0).sum()) / (1 + len(draws))
    at_least = (1 + (draws >= 0).sum()) / (1 + len(draws))
    return Difference(
        first=float(first),
        second=float(second),
        difference=float(second - first),
        interval=interval(draws),
        p=min(1.0, 2 * float(min(at_most, at_least))),
    )


def _named(result: Result) -> dict[str, Any]:
    return {
        "model": result.model.get("name"),
        "digest": result.model.get("digest"),
        "prompt_set": result.prompt_set.get("name"),
    }
