"""Which reports are read, skipped, retracted or held; and that it is data which says so."""

import pytest

from oncofhir.fhir.triage import Process, Retract, Skip, load_policy, triage, triage_text
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.finding import Coding
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import Report

POLICY = load_policy(skip_security_labels=("R", "V", "http://site.example.org|NOPAR"))
AIAST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AIAST"}


def diagnostic_report(status="final", **more):
    return {"resourceType": "DiagnosticReport", "id": "1", "status": status, **more}


def document_reference(status="current", **more):
    return {"resourceType": "DocumentReference", "id": "1", "status": status, **more}


def held(resource):
    with pytest.raises(UnreadableReport) as caught:
        triage(resource, POLICY)
    return caught.value.reason


@pytest.mark.parametrize("status", ["final", "amended", "corrected", "appended"])
def test_final_reports_are_read(status):
    assert triage(diagnostic_report(status), POLICY) == Process()


@pytest.mark.parametrize("status", ["registered", "partial", "preliminary"])
def test_reports_that_are_not_final_wait(status):
    assert triage(diagnostic_report(status), POLICY) == Skip(Reason.NOT_FINAL)


def test_withdrawn_reports_are_retracted():
    assert triage(diagnostic_report("entered-in-error"), POLICY) == Retract(Reason.ENTERED_IN_ERROR)
    assert triage(diagnostic_report("cancelled"), POLICY) == Retract(Reason.CANCELLED)
    assert triage(document_reference("entered-in-error"), POLICY) == Retract(
        Reason.ENTERED_IN_ERROR
    )
    assert triage(document_reference(docStatus="entered-in-error"), POLICY) == Retract(
        Reason.ENTERED_IN_ERROR
    )
    labelled = diagnostic_report("entered-in-error", meta={"security": [{"code": "R"}]})
    assert triage(labelled, POLICY) == Retract(Reason.ENTERED_IN_ERROR), (
        "labels do not keep it alive"
    )


def test_documents_by_their_two_statuses():
    assert triage(document_reference(docStatus="amended"), POLICY) == Process()
    assert triage(document_reference(docStatus="preliminary"), POLICY) == Skip(Reason.NOT_FINAL)
    assert triage(document_reference("superseded"), POLICY) == Skip(Reason.SUPERSEDED)


def test_unknown_and_missing_statuses_are_held():
    assert held(diagnostic_report("unknown")) is Reason.STATUS_UNKNOWN
    assert held(diagnostic_report("Final")) is Reason.STATUS_UNKNOWN
    assert held(diagnostic_report(None)) is Reason.MISSING_STATUS
    absent = {"extension": [{"url": "data-absent-reason", "valueCode": "unknown"}]}
    assert held(diagnostic_report(None, _status=absent)) is Reason.MISSING_STATUS
    assert held(diagnostic_report(3)) is Reason.INVALID_RESOURCE
    assert held({"resourceType": "Patient"}) is Reason.UNSUPPORTED_RESOURCE_TYPE


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        (AIAST, Reason.MACHINE_ASSERTED),
        (
            {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"},
            Reason.RESTRICTED,
        ),
        ({"code": "V"}, Reason.RESTRICTED),
        ({"system": "http://site.example.org", "code": "NOPAR"}, Reason.RESTRICTED),
    ],
)
def test_labels_that_forbid_reading(label, reason):
    assert triage(diagnostic_report(meta={"security": [label]}), POLICY) == Skip(reason)


@pytest.mark.parametrize(
    "label",
    [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"},
        {"system": "http://other.example.org", "code": "NOPAR"},
        {"system": "http://other.example.org", "code": "AIAST"},
        {"display": "R"},
    ],
)
def test_labels_that_do_not(label):
    assert triage(diagnostic_report(meta={"security": [label]}), POLICY) == Process()


def test_what_a_document_does_to_another():
    def related(code):
        target = {"reference": "DocumentReference/0"}
        return triage(document_reference(relatesTo=[{"code": code, "target": target}]), POLICY)

    assert related("replaces") == Process(replaces=("DocumentReference/0",))
    assert related("appends") == Process()
    assert related("transforms") == Skip(Reason.DERIVED_DOCUMENT)
    assert related("signs") == Skip(Reason.DERIVED_DOCUMENT)
    assert related({"coding": [{"code": "transforms"}]}) == Skip(Reason.DERIVED_DOCUMENT), "R5"


def report(text, **more):
    return Report(
        source=SourceReference(type="DiagnosticReport", id="1"),
        status="final",
        subject="Patient/1",
        text=text,
        text_sha256="",
        content_key="",
        segments=(),
        **more,
    )


@pytest.mark.parametrize(
    "text",
    [
        "Invasive ductal CARCINOMA",
        "Kein Anhalt für ein Mammakarzinom",
        "no evidence of malignancy",
        "History of leukaemia",
        "Gleason 3+4",
        "bösartige Neubildung",
        "DCIS",
    ],
)
def test_a_word_of_oncology_is_enough_negated_or_not(text):
    assert triage_text(report(text), POLICY) is None


@pytest.mark.parametrize(
    "text", ["Normal chest", "A brachial nerve block", "Figo's report of canceled visit"]
)
def test_reports_of_other_matters_are_skipped(text):
    expected = None if "Figo" in text else Skip(Reason.NOT_ONCOLOGY)
    assert triage_text(report(text), POLICY) == expected


def test_the_type_or_category_may_say_it_instead():
    pathology = Coding(system="http://loinc.org", code="11526-1")
    surgical = Coding(system="http://terminology.hl7.org/CodeSystem/v2-0074", code="SP")
    assert triage_text(report("Benign skin", types=(pathology,)), POLICY) is None
    assert triage_text(report("Benign skin", categories=(surgical,)), POLICY) is None
    assert triage_text(report("Benign skin"), load_policy(require_cancer=False)) is None


def test_a_site_may_exclude_types():
    excluding = POLICY.model_copy(
        update={"excluded_types": frozenset({"http://loinc.org|58410-2"})}
    )
    blood_count = diagnostic_report(
        code={"coding": [{"system": "http://loinc.org", "code": "58410-2"}]}
    )
    assert triage(blood_count, excluding) == Skip(Reason.NOT_ONCOLOGY)
    assert triage(blood_count, POLICY) == Process()
