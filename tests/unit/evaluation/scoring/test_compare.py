"""Two results of the same dataset."""

import json

import pytest

from oncofhir.evaluation.dataset import DatasetError
from oncofhir.evaluation.scoring.compare import Result, compare, read_result


def result(rights, name="tumor_size"):
    reports = {f"r{n}": {name: [right, right, 1, 1]} for n, right in enumerate(rights)}
    identity = {"name": "m", "digest": "d"}
    dataset = {"sha256": "s"}
    return {"dataset": dataset, "model": identity, "prompt_set": identity, "reports": reports}


def compared(first, second):
    pair = [Result.model_validate(result(rights)) for rights in (first, second)]
    return compare(*pair, seed=1)["differences"]


def test_a_result_does_not_differ_from_itself():
    same = compared([1, 0] * 20, [1, 0] * 20)
    assert set(same) == {"micro", "macro", "tumor_size"}
    assert (same["micro"].difference, same["micro"].p) == (0, 1)


def test_a_clear_difference_is_no_chance_and_a_small_one_may_be():
    clear = compared([0] * 30 + [1] * 10, [1] * 40)["micro"]
    assert clear.difference == pytest.approx(0.75)
    assert clear.p < 0.01
    assert clear.interval.low > 0.5
    small = compared([0] + [1] * 39, [1] * 40)["micro"]
    assert small.p > 0.05


def test_which_is_first_turns_the_sign():
    forth, back = compared([0] * 30 + [1] * 10, [1] * 40), compared([1] * 40, [0] * 30 + [1] * 10)
    assert forth["macro"].difference == -back["macro"].difference
    assert forth["macro"].p == back["macro"].p


def test_other_reports_or_labels_are_refused():
    first, second = (Result.model_validate(result(r)) for r in ([1, 1], [1, 1, 1]))
    with pytest.raises(DatasetError, match="same dataset"):
        compare(first, second, 1)
    other = Result.model_validate(result([1, 1], "tumor_site"))
    with pytest.raises(DatasetError, match="same labels"):
        compare(first, other, 1)


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({**result([1]), "reports": {}})])
def test_a_file_that_is_no_result(tmp_path, content):
    file = tmp_path / "result.json"
    file.write_text(content)
    with pytest.raises(DatasetError, match="no result of"):
        read_result(file)
