"""The dataset's form: null is known absent, a missing key not labelled, a wrong line is named."""

import json

import pytest

from oncofhir.evaluation.dataset import DatasetError, read_dataset
from tests.unit.evaluation.builders import labelled


def names(report):
    return {item.name: value for item, value in report.gold().items()}


def test_null_is_absent_and_a_missing_key_is_not_labelled():
    assert names(labelled(tumor_size=None)) == {"tumor_size": None}
    assert names(labelled(diagnosis=None)) == {"diagnosis": None}
    assert names(labelled()) == {}


def test_a_stage_labels_what_it_names():
    assert names(labelled(cancer_stage="pT2 pN1a")) == {
        "cancer_stage/t": "pT2",
        "cancer_stage/n": "pN1a",
    }
    assert names(labelled(cancer_stage="IIB")) == {"cancer_stage/group": "IIB"}
    assert set(names(labelled(cancer_stage=None)).values()) == {None}
    assert len(names(labelled(cancer_stage=None))) == 4


def test_receptors_by_name():
    assert names(labelled(hormone_receptors={"ER": "positive", "PR": None})) == {
        "hormone_receptors/ER": "positive",
        "hormone_receptors/PR": None,
    }
    assert len(names(labelled(hormone_receptors=None))) == 3


def test_the_key_names_no_one():
    assert labelled(ident="MRN 4711").key != labelled(ident="MRN 4712").key
    assert "4711" not in labelled(ident="MRN 4711").key


GOOD = {"id": "a", "text": "text of CANARY", "labels": {}}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: no JSON object"),
        (json.dumps({**GOOD, "id": "b", "labels": {"tumour_size": "1 mm"}}), "labels.tumour_size"),
        (json.dumps({**GOOD, "id": 7}), "line 2: id"),
        (json.dumps({"id": "b", "labels": {}}), "line 2: text"),
        (json.dumps({**GOOD, "id": "b", "labels": {"cancer_stage": "CANARY"}}), "no TNM category"),
        (
            json.dumps({**GOOD, "id": "b", "labels": {"hormone_receptors": {"ER": "CANARY"}}}),
            "hormone_receptors.ER",
        ),
        (json.dumps(GOOD), "the id of line 1 again"),
    ],
)
def test_a_wrong_line_is_named_without_its_content(tmp_path, line, said):
    file = tmp_path / "set.jsonl"
    file.write_text(json.dumps(GOOD) + "\n" + line + "\n")
    with pytest.raises(DatasetError, match="line 2") as raised:
        read_dataset(file)
    assert said in str(raised.value)
    assert "CANARY" not in str(raised.value)


def test_nothing_to_read(tmp_path):
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(DatasetError, match="holds no report"):
        read_dataset(tmp_path / "empty")
    with pytest.raises(DatasetError, match="No such file"):
        read_dataset(tmp_path / "none")
