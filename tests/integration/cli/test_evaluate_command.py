"""`oncofhir evaluate`: once as a process, as a user runs it, else within this one."""

import json
from pathlib import Path

import pytest

from tests.command import run_here, run_process

DATASET = Path(__file__).parents[2] / "data" / "labelled.jsonl"


def evaluate(*arguments, status=0, run=run_here):
    done = run("evaluate", *arguments)
    assert done.returncode == status, done.stderr
    return done


def result(*arguments, run=run_here):
    return json.loads(evaluate(*arguments, run=run).stdout)


def test_the_rules_on_the_projects_own_reports():
    said = result(DATASET, "--model", "rules", run=run_process)
    assert said["dataset"]["reports"] == 6
    assert said["findings"]["macro"]["f1"] > 0.9
    assert said["paper"]["exact"]["f1"] > 0.9
    assert said["resources"]["Condition"]["exact"]["f1"] == 1
    assert said["resources"]["Observation"]["exact"]["f1"] > 0.9
    assert said["resources"]["uncoded"] == 1  # pM0: AJCC has cM0 and pM1
    assert said["unread"] == 0
    assert set(said["findings"]["phenotypes"]) == {
        "tumor_size", "tumor_site", "tumor_laterality", "cancer_grade", "histological_type",
        "cancer_stage", "hormone_receptors", "diagnosis",
    }  # fmt: skip


@pytest.mark.scenario
def test_the_result_holds_nothing_of_a_report(tmp_path):
    rows = [json.loads(line) for line in DATASET.read_text().splitlines()]
    for row in rows:
        row["id"] = f"MRN-CANARY-{row['id']}"
        row["text"] += " Patient: CANARY."
    file = tmp_path / "set.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    done = evaluate(file, "--model", "rules")
    assert b"CANARY" not in done.stdout + done.stderr
    assert b"mastectomy" not in done.stdout


@pytest.mark.scenario
def test_the_embedded_model_says_what_it_costs_and_how_sure_it_is():
    said = result(DATASET)
    assert said["cost"]["prompt_tokens_per_report"] > 0
    assert 0 < said["cost"]["model_share"] <= 1
    assert said["calibration"]["ece"] is not None


@pytest.mark.parametrize("arguments", [["none.jsonl"], [DATASET, "--model", "sideways"]])
def test_wrong_usage_is_2(arguments):
    assert evaluate(*arguments, status=2).stderr


def test_an_unreachable_model_is_3():
    evaluate(DATASET, "--model", "http://127.0.0.1:9", status=3)


def test_two_results_are_compared(tmp_path):
    file = tmp_path / "result.json"
    file.write_bytes(evaluate(DATASET, "--model", "rules").stdout)
    said = result("--compare", file, file)
    assert said["differences"]["macro"]["difference"] == 0
    evaluate("--compare", file, DATASET, status=2)
    evaluate(DATASET, "--compare", file, file, status=2)


@pytest.mark.scenario
def test_the_rules_stand_beside_the_model_also_under_changes():
    said = result(DATASET, "--baseline", "rules", "--perturb", "misspell", "--rate", "0.5")
    assert said["baseline"]["model"]["name"] == "oncofhir-rules"
    assert "macro" in said["over_baseline"]
    for one in (said, said["baseline"]):
        assert one["robustness"]["loss_points"]["macro"] > 0


def test_changed_values_are_the_answers_then():
    said = result(DATASET, "--model", "rules", "--perturb", "counterfactual", "--rate", "1")
    assert said["robustness"]["labels"] >= 15
    assert said["robustness"]["after"]["micro"]["exact"]["f1"] > 0.9


def test_denied_malignancies_are_not_found():
    said = result(DATASET, "--model", "rules", "--perturb", "negate", "--rate", "1")
    assert said["robustness"]["before"]["found"] == 1
    assert said["robustness"]["after"]["kept"] > 0.7


def test_what_orders_to_the_model_cost_is_said():
    said = result(DATASET, "--model", "rules", "--perturb", "hostile", "--rate", "1")["robustness"]
    lost = said["before"]["macro"]["f1"] - said["after"]["macro"]["f1"]
    assert said["loss_points"]["macro"] == pytest.approx(100 * lost)
    assert said["labels"] == 57


def test_a_calibration_needs_enough_findings(tmp_path):
    evaluate(DATASET, "--model", "rules", "--fit-calibration", tmp_path / "c.json", status=2)
    assert not (tmp_path / "c.json").exists()


CASES = Path(__file__).parents[2] / "data" / "reading" / "receptors.jsonl"


def test_cases_are_scored_by_what_must_and_must_not_be_found():
    said = result(CASES, "--model", "rules")
    totals = said["totals"]
    assert totals["cases"] == said["dataset"]["cases"] == len(CASES.read_text().splitlines())
    assert totals["right"] + totals["missing"] == totals["expected"]
    assert sum(group["right"] for group in said["groups"].values()) == totals["right"]
    assert totals["wrong_per_100_right"] is not None
    assert len(said["reports"]) == totals["cases"]
    assert said["model"]["name"] == "oncofhir-rules"


def test_cases_have_no_labels_to_perturb():
    done = evaluate(CASES, "--model", "rules", "--perturb", "case", status=2)
    assert b"need labelled reports" in done.stderr


def test_false_facts_stand_beside_the_scores():
    said = result(DATASET, "--model", "rules")
    micro = said["false_facts"]["micro"]
    assert micro["absent"] > 0
    assert micro["found"] <= micro["wrong"]
