"""Scores of many reports: by item, by phenotype, micro and macro, with bootstrap intervals.

Micro adds the counts of all items up; macro is the mean F1 of the phenotypes that have labels. An interval
holds the middle 95 % of the scores of `DRAWS` samples of as many reports, drawn with replacement (Efron and
Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13: percentile intervals); whole reports are
drawn, because the labels of one report are not independent.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from oncofhir.evaluation.dataset import Phenotype
from oncofhir.evaluation.scoring.tally import NAMES, PHENOTYPE_OF, Score, Tally, score
from oncofhir.schemas.base import Value

DRAWS = 1000
_PERCENTILES = (2.5, 97.5)
Counts = NDArray[np.float64]
MICRO, MACRO = "micro", "macro"
PHENOTYPES: tuple[str, ...] = tuple(Phenotype)


class Interval(Value):
    """The middle 95 %."""

    low: float
    high: float


class ItemScore(Value):
    """One row of the result: `labels` that have a value, `found` answers to labelled items.

    Without either there is nothing to measure, and the figures are None.
    """

    labels: int
    found: int
    exact: Score
    lenient: Score
    f1_interval: Interval | None


def count_array(reports: Sequence[Mapping[str, Tally]]) -> Counts:
    """Return an array of reports by items by (right, related, claimed, wanted)."""
    counts = np.zeros((len(reports), len(NAMES), 4))
    for at, report in enumerate(reports):
        for name, counted in report.items():
            counts[at, NAMES.index(name)] = (
                counted.right, counted.related, counted.claimed, counted.wanted
            )  # fmt: skip
    return counts


def weights(reports: int, draws: int, seed: int) -> Counts:
    """Return how often each report is in each sample."""
    drawn = np.random.default_rng(seed).multinomial(reports, [1 / reports] * reports, size=draws)
    return drawn.astype(np.float64)


def f1(counts: Counts, hits: int = 0) -> Counts:
    """Return F1 along the last axis of counts; `hits` 0 is exact, 1 is lenient."""
    below = counts[..., 2] + counts[..., 3]
    return np.divide(2 * counts[..., hits], below, out=np.zeros_like(below), where=below > 0)


def by_phenotype(counts: Counts) -> Counts:
    """Add up the counts of items by phenotype."""
    belongs = np.array(
        [[PHENOTYPE_OF[name] == phenotype for name in NAMES] for phenotype in PHENOTYPES], float
    )
    return cast("Counts", np.einsum("pi,...ic->...pc", belongs, counts))


def macro(counts: Counts, hits: int = 0) -> Counts:
    """Return the mean F1 of the labelled phenotypes, from phenotype counts along the last two axes."""
    labelled = counts[..., 3] > 0
    total = (f1(counts, hits) * labelled).sum(axis=-1)
    return cast("Counts", total / np.maximum(1, labelled.sum(axis=-1)))


def overall(counts: Counts) -> dict[str, Counts]:
    """Return the comparable measures, from item counts along the last two axes."""
    phenotypes = by_phenotype(counts)
    each = {name: f1(phenotypes)[..., at] for at, name in enumerate(PHENOTYPES)}
    return {MICRO: f1(counts.sum(axis=-2)), MACRO: macro(phenotypes), **each}


def summary(reports: Sequence[Mapping[str, Tally]], seed: int) -> dict[str, Any]:
    """Return the scores in the form of the result."""
    counts = count_array(reports)
    drawn = np.einsum("dr,ric->dic", weights(len(reports), DRAWS, seed), counts)
    whole = counts.sum(axis=0)
    both = (by_phenotype(whole), by_phenotype(drawn))
    is_labelled = bool(whole[:, 3].any())
    return {
        "phenotypes": _rows(PHENOTYPES, *both),
        "items": _rows(NAMES, whole, drawn),
        MICRO: _row(whole.sum(axis=0), drawn.sum(axis=1)),
        MACRO: {
            "f1": float(macro(both[0])) if is_labelled else None,
            "f1_lenient": float(macro(both[0], 1)) if is_labelled else None,
            "f1_interval": interval(macro(both[1])) if is_labelled else None,
        },
    }


def _rows(names: Iterable[str], whole: Counts, drawn: Counts) -> dict[str, ItemScore]:
    return {
        name: _row(whole[at], drawn[:, at])
        for at, name in enumerate(names)
        if whole[at, 2] + whole[at, 3] > 0
    }


def _row(whole: Counts, drawn: Counts) -> ItemScore:
    right, related, claimed, wanted = (float(n) for n in whole)
    return ItemScore(
        labels=int(wanted),
        found=int(claimed),
        exact=score(right, claimed, wanted),
        lenient=score(related, claimed, wanted),
        f1_interval=interval(f1(drawn)) if claimed + wanted else None,
    )


def interval(values: Counts) -> Interval:
    """Return the middle 95 % of values."""
    low, high = np.percentile(values, _PERCENTILES)
    return Interval(low=float(low), high=float(high))
