"""The main job over real sockets: broker, FHIR server, scripted model server, and the real worker process."""

import json
from dataclasses import dataclass
from types import SimpleNamespace

import httpx2
import pytest

from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.run import Demo, Record
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import BREAST, CANARY, pathology_report
from tests.topic_records import records_of

SCRIPT = [
    {"contains": ["tumor size"], "answer": "2.3 x 1.8 x 1.5 cm"},
    {"contains": ["tumor site"], "answer": "breast"},
    {"contains": ["tumor laterality"], "answer": "left"},
    {"contains": ["histological type"], "answer": "invasive ductal carcinoma"},
    {"contains": ["cancer grade"], "answer": "2"},
    {"contains": ["cancer stage"], "answer": "pT2 pN1a, stage IIB"},
    {"contains": ["hormone receptor type"], "answer": "ER, PR, HER2"},
    {"contains": ["hormone receptor status"], "answer": "positive, negative, negative"},
    {"contains": ["generating the diagnosis"], "answer": "breast cancer"},
]
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female"}
TYPES = (
    "Condition",
    "Observation",
    "Specimen",
    "Provenance",
    "Task",
    "Device",
    "DocumentReference",
)


@dataclass
class Parts:
    broker: EmbeddedBroker
    fhir: EmbeddedFhirServer
    model: ScriptedModel
    demo: Demo

    def stored(self) -> dict[str, str]:
        """Reference → version of everything that was written."""
        found = {}
        for kind in TYPES:
            answer = httpx2.get(f"{self.fhir.base_url}/{kind}?_count=500", trust_env=False).json()
            for entry in answer.get("entry", []):
                resource = entry["resource"]
                found[f"{kind}/{resource['id']}"] = resource["meta"]["versionId"]
        return found


@pytest.fixture(scope="module")
def parts():
    with EmbeddedBroker() as broker, EmbeddedFhirServer() as fhir, ScriptedModel(SCRIPT) as model:
        environment = {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
            "ONCOFHIR_FHIR__BASE_URL": fhir.base_url,
            "ONCOFHIR_MODEL__URL": model.url,
        }
        stack = SimpleNamespace(broker=broker, fhir=fhir, model=model, environment=environment)
        with Demo(stack, lambda _: None) as demo:
            yield Parts(broker, fhir, model, demo)


def records() -> list[Record]:
    good = pathology_report("main-1", BREAST)
    broken = json.dumps(pathology_report("main-2", BREAST)).encode()[:300]
    empty = pathology_report("main-3", " ")
    return [
        Record(raw=json.dumps(good).encode(), resource=good),
        Record(raw=broken),
        Record(raw=json.dumps(empty).encode(), resource=empty),
    ]


def test_reports_become_coded_fhir_and_every_record_is_accounted_for(parts):
    account, summary = parts.demo.run(records(), [PATIENT])
    assert (summary.reports, summary.processed, summary.dead_lettered, summary.lost) == (3, 1, 2, 0)
    said = {(row.kind.value, row.slot): row.value for row in account.findings}
    assert said == {
        ("tumor-size", None): "23 mm",
        ("tumor-site", None): "breast",
        ("tumor-laterality", None): "left",
        ("histological-type", None): "invasive ductal carcinoma",
        ("cancer-grade", None): "2",
        ("cancer-stage", "t"): "pT2",
        ("cancer-stage", "n"): "pN1a",
        ("cancer-stage", "group"): "IIB",
        ("hormone-receptor", "ER"): "positive",
        ("hormone-receptor", "PR"): "negative",
        ("hormone-receptor", "HER2"): "negative",
        ("diagnosis", None): "breast cancer",
    }
    for row in account.findings:
        for evidence in row.evidence:
            assert BREAST[evidence.start : evidence.end] == evidence.text
            assert evidence.path == "DiagnosticReport.presentedForm[0]"
    assert sorted(account.dead_letters.values()) == ["empty-attachment", "not-json"]


def test_what_is_stored_is_marked_coded_and_traceable(parts):
    base = parts.fhir.base_url
    condition = httpx2.get(f"{base}/Condition", trust_env=False).json()["entry"][0]["resource"]
    assert condition["verificationStatus"]["coding"][0]["code"] == "unconfirmed"
    assert "AIAST" in [label["code"] for label in condition["meta"]["security"]]
    codes = {coding["code"] for coding in condition["code"]["coding"]}
    assert codes == {"254837009", "C50.912"}, "the patient's gender and the side narrow the code"
    provenance = httpx2.get(f"{base}/Provenance", trust_env=False).json()["entry"][0]["resource"]
    assert f"Condition/{condition['id']}" in [t["reference"] for t in provenance["target"]]
    sources = [e["what"]["reference"] for e in provenance["entity"] if e["role"] == "source"]
    assert sources == ["DiagnosticReport/main-1/_history/1"]
    device = provenance["agent"][0]["who"]["reference"]
    assert httpx2.get(f"{base}/{device}", trust_env=False).json()["modelNumber"] == "scripted"


def test_the_same_records_again_ask_the_model_nothing_and_write_nothing(parts):
    stored, asked = parts.stored(), parts.model.control()["requests"]
    published = parts.demo._publish(records())
    from oncofhir.demo.accounting import Account

    account = Account(published)
    parts.demo._watch(account)
    assert account.lost == 0
    assert account.counts()["processed"] == 1
    assert parts.stored() == stored
    assert parts.model.control()["requests"] == asked


def test_a_dead_letter_is_the_record_byte_for_byte(parts):
    broken = records()[1].raw
    letters = records_of(parts.broker.address, "oncology.dead-letters")
    assert broken in [letter.value for letter in letters]
    for letter in letters:
        ours = [value for name, value in letter.headers if name.startswith("oncofhir-")]
        assert ours
        assert CANARY.encode() not in b"".join(ours)


def test_what_it_cost_and_took_is_in_the_metrics(parts):
    url = f"http://127.0.0.1:{parts.demo.http_port}/metrics"
    exposed = httpx2.get(url, trust_env=False).text
    assert CANARY not in exposed
    told = dict(line.rsplit(" ", 1) for line in exposed.splitlines() if line[0] != "#")
    # Of the report that was read, and again of the same one, for which the model was not asked.
    assert float(told["oncofhir_reports_model_asked_total"]) == 1
    assert float(told["oncofhir_model_questions_total"]) >= 8
    assert float(told['oncofhir_model_tokens_total{direction="prompt"}']) > 0
    assert float(told['oncofhir_model_tokens_total{direction="generated"}']) > 0
    assert float(told["oncofhir_model_requests_sent"]) == 0
    assert float(told["oncofhir_model_requests_queued"]) == 0
    assert float(told["oncofhir_model_requests_limit"]) >= 1
    took = {
        stage: float(told[f'oncofhir_stage_seconds_count{{stage="{stage}"}}'])
        for stage in ("decode", "process", "read", "ask", "store", "publish")
    }
    assert took["ask"] == 1
    assert took["read"] == took["store"] == took["publish"] == 2
    assert float(told['oncofhir_end_to_end_seconds_count{priority="live"}']) == 6


def test_no_report_text_in_the_workers_log(parts):
    log = parts.demo.worker.log_file.read_text()
    assert "worker started" in log
    assert CANARY not in log
    assert "ductal" not in log


def test_the_worker_commits_and_leaves_on_sigterm(parts):
    parts.demo.stop()
    assert parts.demo.worker.returncode == 0
