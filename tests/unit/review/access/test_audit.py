from datetime import UTC, datetime

from fhir.resources.R4B.auditevent import AuditEvent

from oncofhir.review.access.audit import view_of_report
from oncofhir.review.access.users import Role, User

ANNE = User(
    issuer="https://login.example.org",
    subject="1",
    name="Anne",
    role=Role.REVIEWER,
    reference="https://ehr.example.org/fhir/Practitioner/7",
)


def event(patient="Patient/1", user=ANNE, **more):
    return view_of_report(
        user,
        report="DiagnosticReport/1",
        patient=patient,
        store_url="https://fhir.example.org/fhir",
        page_url="https://review.example.org",
        software="0.2.0",
        recorded=datetime(2026, 11, 27, 18, 0, tzinfo=UTC),
        **more,
    )


def test_it_is_valid_and_says_who_saw_what():
    built = event()
    AuditEvent.model_validate(built)
    user = built["agent"][2]
    assert user["requestor"] is True
    assert user["who"]["identifier"] == {"system": ANNE.issuer, "value": "1"}
    assert user["who"]["reference"] == "https://ehr.example.org/fhir/Practitioner/7"
    assert [e["what"]["reference"] for e in built["entity"]] == ["DiagnosticReport/1", "Patient/1"]
    assert built["meta"]["profile"][0].endswith("IHE.BasicAudit.PatientRead")


def test_balp_wants_one_client_one_server_and_the_user():
    codes = [agent["type"]["coding"][0]["code"] for agent in event()["agent"]]
    assert codes == ["110152", "110153", "IRCP"]
    assert all("network" in agent for agent in event()["agent"][:2])
    assert "network" not in event()["agent"][2]


def test_without_a_patient_it_is_a_read():
    built = event(patient=None)
    assert built["meta"]["profile"][0].endswith("IHE.BasicAudit.Read")
    assert len(built["entity"]) == 1
    AuditEvent.model_validate(built)


def test_what_was_deleted_is_named_by_its_address():
    built = event(is_logical=True)
    AuditEvent.model_validate(built)
    report, patient = (entity["what"] for entity in built["entity"])
    assert report == {
        "type": "DiagnosticReport",
        "identifier": {
            "system": "urn:ietf:rfc:3986",
            "value": "https://fhir.example.org/fhir/DiagnosticReport/1",
        },
    }
    assert patient["type"] == "Patient"
