"""A report that is POSTed to HAPI FHIR has its findings there, by way of its Subscription, bridge and worker."""

import httpx2

from oncofhir.demo.process import free_port
from tests.bridge.circle import all_withdrawn
from tests.builders import attachment

TEXT = """FINAL DIAGNOSIS:
Left breast, core biopsy: Invasive ductal carcinoma, Nottingham grade 2.
Tumor size: 14 mm.
ER positive (95%). PR negative. HER2 negative.
"""


def report(text, status="final", patient="p1", **more):
    return {
        "resourceType": "DiagnosticReport",
        "status": status,
        "code": {
            "coding": [
                {"system": "http://loinc.org", "code": "11526-1", "display": "Pathology study"}
            ]
        },
        "subject": {"reference": f"Patient/{patient}"},
        "issued": "2026-11-20T09:00:00Z",
        "presentedForm": [attachment(text)],
    } | more


def findings(circle, ident):
    """The findings whose Provenance names the report, with their status, however it was versioned."""
    found = circle.search("Observation?_count=200") + circle.search("Condition?_count=200")
    return [r for r in found if f"DiagnosticReport/{ident}" in str(r)]


def sizes(circle, ident):
    """The tumor sizes in mm of the report's valid findings: mCODE has them in components."""
    valid = [f for f in findings(circle, ident) if f.get("status") != "entered-in-error"]
    parts = [part for finding in valid for part in (finding, *finding.get("component", []))]
    quantities = [part["valueQuantity"] for part in parts if "valueQuantity" in part]
    return {q["value"] for q in quantities if q.get("code", q.get("unit")) == "mm"}


def subscriptions(circle):
    return {s["id"]: s["status"] for s in circle.search("Subscription")}


def test_subscribe_creates_the_subscriptions_and_is_idempotent(circle):
    status, _, said = circle.subscribe("--check")
    assert status == 1, said
    status, results, said = circle.subscribe()
    assert status == 0, said
    assert {(r["action"], r["status"]) for r in results} == {("created", "active")}
    assert subscriptions(circle) == {"oncofhir-reports": "active", "oncofhir-documents": "active"}
    status, results, said = circle.subscribe()
    assert (status, {r["action"] for r in results}) == (0, {"unchanged"}), said
    status, results, _ = circle.subscribe("--check")
    assert (status, {r["action"] for r in results}) == (0, {"checked"})
    other = {"ONCOFHIR_BRIDGE__URL": f"http://127.0.0.1:{free_port()}"}
    status, results, _ = circle.subscribe("--check", **other)
    assert status == 1
    assert all(r["differences"] == ["channel.endpoint"] for r in results)


def test_a_posted_report_comes_back_as_findings_and_a_correction_corrects_them(circle):
    ident = circle.post(report(TEXT))
    circle.until(lambda: any(f["resourceType"] == "Condition" for f in findings(circle, ident)))
    assert circle.until(lambda: sizes(circle, ident)) == {14}
    corrected = report(TEXT.replace("14 mm", "41 mm"), "corrected", id=ident)
    circle.put(corrected)
    circle.until(lambda: sizes(circle, ident) == {41})
    circle.put(report(TEXT, "entered-in-error", id=ident))
    circle.until(lambda: all_withdrawn(findings(circle, ident)))


def test_a_restarted_bridge_finds_the_reports_that_nobody_announced(circle):
    first = circle.post(report(TEXT, patient="p2"))
    circle.until(lambda: findings(circle, first))
    circle.bridge.stop()
    missed = circle.post(report(TEXT.replace("Left breast", "Right breast"), patient="p2"))
    circle.until(lambda: circle.search(f"DiagnosticReport?_id={missed}"))
    circle.bridge.start()
    circle.until(lambda: findings(circle, missed))


def test_notifications_without_a_report_are_enough(circle):
    status, results, said = circle.subscribe("--no-payload")
    assert (status, {r["action"] for r in results}) == (0, {"updated"}), said
    ident = circle.post(report(TEXT.replace("14 mm", "17 mm"), patient="p3"))
    assert circle.until(lambda: sizes(circle, ident)) == {17}


def test_who_has_no_secret_is_refused(circle):
    url = f"http://127.0.0.1:{circle.bridge_port}/subscriptions/oncofhir-reports/DiagnosticReport/x"
    answer = httpx2.put(url, json=report(TEXT, id="x"), trust_env=False)
    assert answer.status_code == 401


def test_delete_removes_the_subscriptions(circle):
    for wanted in ("deleted", "absent"):
        status, results, said = circle.subscribe("--delete")
        assert (status, {r["action"] for r in results}) == (0, {wanted}), said
    assert subscriptions(circle) == {}
