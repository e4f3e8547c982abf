"""References to the source, in bundles for a store that is another server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from oncofhir.fhir.mapping.build import build
from oncofhir.fhir.mapping.run_context import (
    model_device_id,
    prompt_document_id,
    software_device_id,
)
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SourceReferences, referenced_resource
from oncofhir.fhir.store.document_diff import document_diff
from oncofhir.fhir.store.repository import Repository
from oncofhir.schemas.identity import run_of
from tests.findings import (
    MODEL,
    PROMPTS,
    RECORDED,
    SYSTEM,
    context_of,
    extraction_of,
    finding,
    report_of,
)

BASE = "https://ehr.example/fhir"
TEXT = """FINAL DIAGNOSIS:
Left breast: invasive ductal carcinoma, Nottingham grade 2, 2.3 x 1.8 cm. Stage IIB.
"""
FORMS = ["same", "absolute", "identifier"]
# of elements that name the source's resources, in the Task, the Provenance and the findings
OF_SOURCE = {"Patient/r1", "DiagnosticReport/r1", "DiagnosticReport/r1/_history/1", "Specimen/s1"}


def bundle_in(form: str) -> tuple[dict[str, Any], set[str]]:
    """A bundle, and the relative references that it and the store itself answer for."""
    report = report_of(TEXT, specimen="Specimen/s1")
    found = [
        finding(report, "diagnosis", "breast cancer", "invasive ductal carcinoma"),
        finding(report, "cancer-grade", "2", "grade 2"),
        finding(report, "tumor-size", "23 mm", "2.3 x 1.8 cm", dimensions=(23.0, 18.0)),
        finding(report, "cancer-stage", "IIB", "Stage IIB", slot="group"),
    ]
    repository = Repository(
        FhirClient("http://127.0.0.1:9/fhir"),
        source_name="test",
        identifier_system=SYSTEM,
        organization="Test Hospital",
        software_version="0.0.0",
        sources=SourceReferences(form=form, base_url=BASE),
        clock=lambda: RECORDED,
    )
    run = run_of(report, MODEL, PROMPTS, "settings", "terminology", "0.0.0")
    bundle, _ = repository.first_version(report, run, extraction_of(*found))
    own = {e["fullUrl"] for e in bundle["entry"]}
    own |= {e["request"]["url"] for e in bundle["entry"]}
    own |= {f"Device/{model_device_id(run)}", f"Device/{software_device_id('0.0.0')}"}
    return bundle, own | {f"DocumentReference/{prompt_document_id(run)}"}


def references(value: Any) -> Iterator[dict[str, Any]]:
    """Every Reference element."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    if isinstance(value, dict):
        is_logical = set(value) >= {"type", "identifier"} and "use" not in value
        if isinstance(value.get("reference"), str) or is_logical:
            yield value
        for name, inner in value.items():
            if name != "identifier":
                yield from references(inner)


def outward(form: str) -> list[dict[str, Any]]:
    bundle, own = bundle_in(form)
    said = [r for entry in bundle["entry"] for r in references(entry["resource"])]
    return [r for r in said if r.get("reference") not in own]


def test_by_default_they_are_relative():
    assert {r["reference"] for r in outward("same")} == OF_SOURCE


def test_absolute_ones_are_all_at_the_source():
    assert {r["reference"] for r in outward("absolute")} == {f"{BASE}/{r}" for r in OF_SOURCE}


def test_as_identifiers_they_are_no_literal_references():
    said = outward("identifier")
    assert all("reference" not in r for r in said)
    assert {r["identifier"]["value"] for r in said} == {f"{BASE}/{r}" for r in OF_SOURCE}
    assert {r["identifier"]["system"] for r in said} == {"urn:ietf:rfc:3986"}
    assert {r["type"] for r in said} == {"Patient", "DiagnosticReport", "Specimen"}


@pytest.mark.parametrize("form", FORMS)
def test_each_place_names_the_source_in_the_same_form(form):
    bundle, _ = bundle_in(form)
    sources = SourceReferences(form=form, base_url=BASE)
    of = {e["resource"]["resourceType"]: e["resource"] for e in bundle["entry"]}
    report, patient = (
        sources.reference_element("DiagnosticReport/r1"),
        sources.reference_element("Patient/r1"),
    )
    (derivation,) = [e for e in of["Condition"]["extension"] if "derivation" in e["url"]]
    assert derivation["extension"][0] == {"url": "reference", "valueReference": report}
    assert of["Condition"]["evidence"][0]["detail"] == [report]
    assert (of["Task"]["focus"], of["Task"]["for"]) == (report, patient)
    assert of["Condition"]["subject"] == of["Observation"]["subject"] == patient
    on = [e["resource"]["specimen"] for e in bundle["entry"] if "specimen" in e["resource"]]
    assert on == [sources.reference_element("Specimen/s1")] * 2, "of the grade and the size"
    version = sources.reference_element("DiagnosticReport/r1/_history/1") | {"display": "version 1"}
    assert of["Provenance"]["entity"][0]["what"] == version


@pytest.mark.parametrize("form", FORMS)
def test_every_form_names_the_same(form):
    sources = SourceReferences(form=form, base_url=BASE)
    assert referenced_resource(sources.reference_element("Patient/p")) == "Patient/p"
    assert (
        referenced_resource(sources.reference_element("DiagnosticReport/r/_history/2"))
        == "DiagnosticReport/r"
    )
    assert referenced_resource({"display": "someone"}) is None


@pytest.mark.parametrize("form", FORMS)
def test_a_merged_patient_is_followed_in_every_form(form):
    report = report_of(TEXT)
    context = context_of(report, sources=SourceReferences(form=form, base_url=BASE))
    extraction = extraction_of(finding(report, "cancer-grade", "2", "grade 2"))
    _, head = document_diff(context, build(context, extraction, 1), extraction, None, {})
    plan = build(context, extraction, 2)
    stored = {f"{r['resourceType']}/{r['id']}": r for r in plan.resources.values()}
    same, _ = document_diff(context, plan, extraction, head, stored)
    assert [e["resource"]["resourceType"] for e in same] == ["Provenance"]
    merged = json.loads(json.dumps(stored).replace("Patient/r1", "Patient/merged"))
    other = report_of(TEXT.replace("grade 2", "grade 3"))
    extraction = extraction_of(finding(other, "cancer-grade", "3", "grade 3"))
    plan = build(context, extraction, 2)
    entries, _ = document_diff(context, plan, extraction, head, merged)
    (grade,) = [e["resource"] for e in entries if e["resource"]["resourceType"] == "Observation"]
    assert referenced_resource(grade["subject"]) == "Patient/merged"


@pytest.mark.parametrize("form", FORMS)
def test_what_stands_on_another_server_is_named_as_the_source_names_it(form):
    """A report may be about a patient of a third server: its address is not put below the source's."""
    sources = SourceReferences(form=form, base_url=BASE)
    there = "https://other.example/fhir/Patient/p"
    said = sources.reference_element(there)
    if form == "identifier":
        uri = {"system": "urn:ietf:rfc:3986", "value": there}
        assert said == {"type": "Patient", "identifier": uri}
    else:
        assert said == {"reference": there}
    assert referenced_resource(said) == "Patient/p"


@pytest.mark.parametrize("subject", ["Patient/r1", "https://other.example/fhir/Patient/r1"])
def test_a_merged_patient_is_followed_wherever_the_report_says_it_is(subject):
    report = report_of(TEXT, subject=subject)
    context = context_of(report)
    extraction = extraction_of(finding(report, "cancer-grade", "2", "grade 2"))
    _, head = document_diff(context, build(context, extraction, 1), extraction, None, {})
    plan = build(context, extraction, 2)
    stored = {f"{r['resourceType']}/{r['id']}": r for r in plan.resources.values()}
    merged = json.loads(json.dumps(stored).replace(subject, "Patient/merged"))
    other = report_of(TEXT.replace("grade 2", "grade 3"), subject=subject)
    extraction = extraction_of(finding(other, "cancer-grade", "3", "grade 3"))
    entries, _ = document_diff(context, build(context, extraction, 2), extraction, head, merged)
    (grade,) = [e["resource"] for e in entries if e["resource"]["resourceType"] == "Observation"]
    assert referenced_resource(grade["subject"]) == "Patient/merged"


def test_a_report_of_a_message_is_named_by_identifier_and_nothing_else_is():
    sources = SourceReferences(message_system="https://site.example/sid/hl7v2")
    report = f"DiagnosticReport/hl7v2-{'a' * 40}"
    expected = {"system": "https://site.example/sid/hl7v2", "value": report}
    assert sources.reference_element(report)["identifier"] == expected
    for other in (f"Patient/hl7v2-{'a' * 40}", "DiagnosticReport/hl7v2-7", "Patient/hl7v2-p1"):
        assert sources.reference_element(other) == {"reference": other}
