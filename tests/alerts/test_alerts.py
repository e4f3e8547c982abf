"""Alerts: promtool accepts them, each fires and does not fire, has its page, and asks for metrics that exist."""

import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from oncofhir.telemetry.metrics import DEFINITIONS
from tests.prometheus import program

ROOT = Path(__file__).parents[2]
RULES = ROOT / "helm" / "oncofhir" / "files" / "alerts.yaml"
CASES = sorted(Path(__file__).parent.glob("*.yaml"))
EXPECTED = re.compile(r'alertname="(\w+)", alertstate="firing"')
METRIC = re.compile(r"\boncofhir_[a-z_]+")


def rules():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*arguments):
    return subprocess.run(
        [program("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_promtool_accepts_the_rules():
    done = promtool("check", "rules", RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules())} rules found" in done.stdout


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_promtool_finds_that_they_fire_and_do_not_fire(case):
    done = promtool("test", "rules", case)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_fails_where_an_alert_would_not_fire(tmp_path):
    broken = RULES.read_text().replace('{dependency="store"}) > 0', '{dependency="store"}) > 1')
    (tmp_path / "alerts.yaml").write_text(broken)
    case = CASES[[c.stem for c in CASES].index("dependencies")].read_text()
    (tmp_path / "case.yaml").write_text(
        case.replace("../../helm/oncofhir/files/alerts.yaml", "alerts.yaml")
    )
    done = promtool("test", "rules", tmp_path / "case.yaml")
    assert done.returncode != 0
    assert "OncofhirStoreDown" in done.stdout + done.stderr


def test_each_alert_is_shown_firing_and_silent():
    shown = defaultdict(set)
    for case in CASES:
        for test in yaml.safe_load(case.read_text())["tests"]:
            for expectation in test["promql_expr_test"]:
                (alert,) = EXPECTED.findall(expectation["expr"])
                shown[alert].add(expectation["exp_samples"][0]["value"])
    assert dict(shown) == {rule["alert"]: {0, 1} for rule in rules()}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_the_runbook_is_a_page_of_the_alert_s_name(rule):
    words = re.findall(r"[A-Z][a-z]+", rule["alert"].removeprefix("Oncofhir"))
    page = f"docs/how-to/{'-'.join(words).lower()}.md"
    assert rule["annotations"]["runbook_url"] == page
    text = (ROOT / page).read_text()
    assert rule["alert"] in text, "the page names its alert, so that a search finds it"
    assert "    oncofhir " in text or "    kubectl " in text, "the page has a command"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_metric_exists(rule):
    known = {definition.name for definition in DEFINITIONS}
    assert set(METRIC.findall(rule["expr"])) <= known
