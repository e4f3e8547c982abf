"""A calibration is fitted on one half and judged on the other."""

import random

import pytest

from oncofhir.evaluation.calibration.fitting import fit, worth
from oncofhir.evaluation.calibration.reliability import in_first_half
from oncofhir.evaluation.dataset import ITEMS, DatasetError
from oncofhir.evaluation.run import Measurement
from oncofhir.schemas.extraction import ModelIdentity, PromptSetIdentity
from tests.unit.evaluation.builders import observed


def measured(reports, confidence=True):
    """Reports on which an answer is right half as often as its confidence says."""
    chance = random.Random(3)
    seen = []
    for number in range(reports):
        stated = chance.random()
        value = "25 mm" if chance.random() < stated / 2 else "9 mm"
        report = observed(
            {ITEMS[0]: "25 mm"},
            {ITEMS[0]: value},
            key=str(number),
            confidence=stated if confidence else None,
        )
        seen.append(report)
    return Measurement(
        model=ModelIdentity(name="m", digest="d", server="s"),
        prompt_set=PromptSetIdentity(name="p", version="1", sha256="p"),
        reports=tuple(seen),
        resources=(),
        seconds=1.0,
    )


def test_the_other_half_is_better_calibrated():
    seen = measured(600)
    fitted = fit(seen, "x", 1)
    said = worth(seen, fitted)
    assert said["after"]["ece"] < said["before"]["ece"] / 2
    assert said["before"]["findings"] + said["fitted_on"] == 600
    assert fitted == fit(seen, "x", 1)


def test_halves_depend_on_the_seed_alone():
    keys = [str(n) for n in range(200)]
    first = [in_first_half(key, 1) for key in keys]
    assert first == [in_first_half(key, 1) for key in keys]
    assert first != [in_first_half(key, 2) for key in keys]
    assert 60 < sum(first) < 140


@pytest.mark.parametrize("seen", [measured(10), measured(600, confidence=False)])
def test_too_little_to_fit_on(seen):
    with pytest.raises(DatasetError, match="needs 20"):
        fit(seen, "x", 1)
