"""Cases are read strictly, and findings are compared with them fact by fact."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.evaluation.cases import Case, is_case_file, read_cases
from oncofhir.evaluation.dataset import DatasetError
from oncofhir.evaluation.scoring.case_scores import score_case, totals
from oncofhir.schemas.finding import Coding, Evidence, Finding, Kind
from oncofhir.terminology.tables import ICD_10_CM

LINE = {
    "id": "one",
    "group": "receptors",
    "text": "ER positive. Left breast DCIS.",
    "expected": [["hormone-receptor", "ER", "positive"], ["diagnosis", None, "situ|dcis"]],
    "forbidden": [
        ["hormone-receptor", "*", "negative", "never said"],
        ["diagnosis", None, "^invasive", "in situ"],
    ],
    "acceptable": [["tumor-site", None, "breast"]],
    "expected_icd10cm": "D05.12",
    "forbidden_icd10cm": "C50",
    "note": "",
}


def found(kind, value, slot=None, icd=None):
    codings = (Coding(system=ICD_10_CM, code=icd),) if icd else ()
    evidence = (Evidence(start=0, end=1, text="E", path="p", attachment_start=0),)
    return Finding(
        kind=Kind(kind), slot=slot, value=value, raw=value, codings=codings, evidence=evidence
    )


def case(**changes):
    return Case.model_validate(LINE | changes)


def test_right_missing_and_wrong_are_counted_by_fact():
    score = score_case(
        case(),
        [
            found("hormone-receptor", "positive", "ER"),
            found("hormone-receptor", "Negative", "HER2"),
            found("diagnosis", "invasive ductal carcinoma", icd="C50.912"),
            found("tumor-site", "left breast"),
            found("tumor-size", "12 mm"),
        ],
    )
    assert [fact.slot for fact in score.right] == ["ER"]
    assert [fact.kind for fact in score.missing] == [Kind.DIAGNOSIS]
    assert [(one.value, why) for one, why in score.wrong] == [
        ("Negative", "never said"),
        ("invasive ductal carcinoma", "in situ"),
    ]
    assert score.wrong_codes == ("C50.912",)
    counted = totals([score, score_case(case(), [found("diagnosis", "dcis", icd="D05.12")])])
    assert (counted.right, counted.missing, counted.wrong, counted.wrong_codes) == (2, 2, 2, 1)
    assert counted.recall == 0.5
    assert counted.wrong_per_100_right == 150
    assert (counted.diagnoses, counted.wrong_diagnoses) == (2, 1)


def test_a_diagnosis_that_no_fact_allows_is_wrong_without_being_forbidden():
    score = score_case(case(), [found("diagnosis", "lung cancer"), found("diagnosis", "dcis")])
    assert not score.wrong
    assert [one.value for one in score.unexpected] == ["lung cancer"]


def test_without_a_fact_there_is_no_rate():
    counted = totals([score_case(case(expected=[]), [])])
    assert counted.recall is None
    assert counted.wrong_per_100_right is None
    assert counted.wrong_per_100_diagnoses is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"expected": [["tumour", None, "x"]]}, "expected.0.kind"),
        ({"expected": [["diagnosis", None, "("]]}, "no regular expression"),
        ({"expected": ["diagnosis"]}, "a list of [kind, slot, pattern]"),
        ({"forbidden_icd10cm": "["}, "no regular expression"),
        ({"text": ""}, "text"),
        ({"more": 1}, "more"),
    ],
)
def test_a_wrong_line_is_named_without_its_values(tmp_path, changes, said):
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(LINE | {"id": "two"} | changes) + "\n")
    with pytest.raises(DatasetError) as raised:
        read_cases(file)
    assert "line 1" in str(raised.value)
    assert said in str(raised.value)
    assert "ER positive" not in str(raised.value)


def test_an_id_occurs_once_and_a_file_holds_a_case(tmp_path):
    file = tmp_path / "cases.jsonl"
    file.write_text(f"{json.dumps(LINE)}\n{json.dumps(LINE)}\n")
    with pytest.raises(DatasetError, match="the id of case 1 again"):
        read_cases(file)
    file.write_text("\n")
    with pytest.raises(DatasetError, match="holds no case"):
        read_cases(file)
    with pytest.raises(DatasetError, match="No such file"):
        read_cases(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (json.dumps(LINE), True),
        ("\n\n" + json.dumps(LINE), True),
        (json.dumps({"id": "a", "text": "b", "labels": {}}), False),
        ("no json", False),
        ("[" * 100_000, False),
        ("", False),
    ],
)
def test_cases_are_told_from_labelled_reports_by_the_first_line(tmp_path, content, answer):
    file = tmp_path / "file.jsonl"
    file.write_text(content)
    assert is_case_file(file) is answer
    assert not is_case_file(tmp_path / "none")


@given(st.lists(st.sampled_from(["positive", "negative", "dcis", "invasive"]), max_size=5))
def test_each_expected_fact_is_right_or_missing(values):
    findings = [found("hormone-receptor", value, "ER") for value in values]
    score = score_case(case(), findings)
    assert len(score.right) + len(score.missing) == 2
    assert len(score.wrong) == values.count("negative")
