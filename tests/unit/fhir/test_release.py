"""Which versions of FHIR are read: R4, R4B and R5; the others are named."""

import asyncio
import base64
import json

import pytest

from oncofhir.consumers.envelopes.decode import decode
from oncofhir.consumers.processing.report_reader import ReportReader
from oncofhir.fhir.intake.read_report import IntakeLimits
from oncofhir.fhir.intake.source_reader import Companions
from oncofhir.fhir.intake.triage import Retract, Skip, load_policy
from oncofhir.fhir.release import unsupported_by_content_type
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason
from tests.builders import attachment, diagnostic_report, document_reference

TEXT = "Invasive ductal carcinoma"
DATA = base64.b64encode(TEXT.encode()).decode()
READER = ReportReader(load_policy(skip_security_labels=("R",)), IntakeLimits())
CORE = "http://hl7.org/fhir/StructureDefinition/DiagnosticReport"


def document(**more):
    return document_reference("d1", attachment(TEXT), **more)


def diagnostic(**more):
    return diagnostic_report("r1", conclusion=TEXT, **more)


def read(resource, headers=()):
    (event,) = decode(json.dumps(resource).encode(), headers, "topic")
    return asyncio.run(READER.read(event, Companions(()))).result


def reason_of(resource, headers=()):
    with pytest.raises(UnreadableReport) as caught:
        read(resource, headers)
    return caught.value.reason


R5_DOCUMENT = document(
    version="2",
    docStatus="corrected",
    relatesTo=[
        {
            "code": {"coding": [{"system": "http://hl7.org/fhir/x", "code": "replaces"}]},
            "target": {"reference": "DocumentReference/d0"},
        }
    ],
    context=[{"reference": "Appointment/a1"}, {"reference": "Encounter/e1"}],
    event=[{"concept": {"text": "biopsy"}}],
    bodySite=[{"concept": {"text": "breast"}}],
    period={"start": "2026-01-01"},
    date="2026-01-02T00:00:00Z",
    content=[
        {
            "attachment": {
                "contentType": "text/plain",
                "data": DATA,
                "size": str(len(TEXT)),
                "pages": 1,
            },
            "profile": [{"valueCoding": {"code": "x"}}],
        }
    ],
)


def test_a_document_of_r5_is_read():
    report = read(R5_DOCUMENT)
    assert (report.text, report.status) == (TEXT, "current")
    assert (report.encounter, report.effective) == ("Encounter/e1", "2026-01-01")


def test_an_episode_is_no_encounter():
    context = {"encounter": [{"reference": "EpisodeOfCare/x"}, {"reference": "Encounter/e2"}]}
    assert read(document(context=context)).encounter == "Encounter/e2"


def test_a_diagnostic_report_of_r5_is_read():
    report = read(
        diagnostic(
            status="modified",
            presentedForm=[{"contentType": "text/plain", "data": DATA, "size": str(len(TEXT))}],
            conclusionCode=[{"coding": [{"code": "x"}]}],
            media=[{"link": {"reference": "DocumentReference/1"}}],
            supportingInfo=[{"reference": {"reference": "Procedure/1"}}],
            note=[{"text": "a note"}],
            composition={"reference": "Composition/1"},
        )
    )
    assert report.text == TEXT


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (document(indexed="2015-01-01T00:00:00Z"), Reason.FHIR_STU3),
        (
            document(
                indexed="2015-01-01T00:00:00Z",
                content=[{"attachment": {"data": DATA}, "format": [{"code": "x"}]}],
            ),
            Reason.FHIR_DSTU2,
        ),
        (document(docStatus={"coding": [{"code": "final"}]}), Reason.FHIR_DSTU2),
        (diagnostic(codedDiagnosis=[{"text": "x"}]), Reason.FHIR_STU3),
        (diagnostic(context={"reference": "Encounter/1"}), Reason.FHIR_STU3),
        (diagnostic(image=[{"link": {"reference": "Media/1"}}]), Reason.FHIR_STU3),
        (diagnostic(performer=[{"actor": {"reference": "Practitioner/1"}}]), Reason.FHIR_STU3),
        (diagnostic(performer={"reference": "Practitioner/1"}), Reason.FHIR_DSTU2),
        (diagnostic(request=[{"reference": "DiagnosticOrder/1"}]), Reason.FHIR_DSTU2),
        (diagnostic(meta={"profile": [f"{CORE}|3.0.2"]}), Reason.FHIR_STU3),
        (
            diagnostic(
                meta={"profile": ["http://hl7.org/fhir/1.0/StructureDefinition/DiagnosticReport"]}
            ),
            Reason.FHIR_DSTU2,
        ),
        (diagnostic(meta={"profile": [f"{CORE}|6.0.0-ballot2"]}), Reason.FHIR_R6),
    ],
)
def test_other_versions_are_dead_letters_that_name_them(resource, reason):
    assert reason_of(resource) is reason


@pytest.mark.parametrize(
    "more",
    [
        {"meta": {"profile": [f"{CORE}|4.0.1"]}},
        {"meta": {"profile": [f"{CORE}|4.3.0", 3]}},
        {"meta": {"profile": [f"{CORE}|5.0.0"]}},
        {"meta": {"profile": ["http://site.example.org/StructureDefinition/Report|3.0.1"]}},
        {"meta": {"profile": "no list"}},
        {"context": {"reference": "x"}, "encounter": {"reference": "Encounter/1"}},
        {"performer": [{"reference": "Practitioner/1"}]},
    ],
)
def test_r4_and_its_successors_are_read(more):
    assert read(diagnostic(**more)).text == TEXT


def test_withdrawal_and_labels_need_no_version():
    assert read(diagnostic(status="entered-in-error", image=[])) == Retract(Reason.ENTERED_IN_ERROR)
    labelled = diagnostic(image=[], meta={"security": [{"code": "R"}]})
    assert read(labelled) == Skip(Reason.RESTRICTED)


@pytest.mark.parametrize(
    ("content_type", "reason"),
    [
        ("application/fhir+json; fhirVersion=3.0", Reason.FHIR_STU3),
        ('application/fhir+json;charset=utf-8; FHIRVERSION="1.0"', Reason.FHIR_DSTU2),
        ("application/fhir+json; fhirVersion=6.0", Reason.FHIR_R6),
        ("application/fhir+json; fhirVersion=4.0", None),
        ("application/fhir+json; fhirVersion=4.3", None),
        ("application/fhir+json; fhirVersion=5.0", None),
        ("application/fhir+json; fhirVersion=none", None),
        ("application/fhir+json", None),
        (None, None),
    ],
)
def test_the_version_of_a_content_type(content_type, reason):
    assert unsupported_by_content_type(content_type) is reason


def test_an_envelope_declares_the_version_of_what_it_holds():
    stu3 = "application/fhir+json; fhirVersion=3.0"
    assert reason_of(diagnostic(), [("Content-Type", stu3.encode())]) is Reason.FHIR_STU3
    binary = [("ce_specversion", b"1.0"), ("content-type", stu3.encode())]
    assert reason_of(diagnostic(), binary) is Reason.FHIR_STU3
    structured = {"specversion": "1.0", "type": "x", "datacontenttype": stu3}
    assert reason_of({**structured, "data": diagnostic()}) is Reason.FHIR_STU3
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": diagnostic()}]}
    assert reason_of(bundle, binary) is Reason.FHIR_STU3
    reports = {"resourceType": "Bundle", "type": "collection"}
    reports["entry"] = [{"resource": diagnostic()}, {"resource": document()}]
    events = decode(json.dumps(reports).encode(), binary, "topic")
    assert [event.unreadable for event in events] == [Reason.FHIR_STU3] * 2
