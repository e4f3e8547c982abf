"""Messages to DiagnosticReports and DocumentReferences, as HL7's guide maps them."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.documentreference import DocumentReference

from oncofhir.fhir.hl7v2.events import read_events
from oncofhir.fhir.intake.triage import Process, Retract, Skip, load_policy, triage
from oncofhir.fhir.source_version import source_version_of
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import Hl7v2Settings
from tests.hl7v2_messages import PID, mdm, obr, obx, oru, txa

SETTINGS = Hl7v2Settings()
POLICY = load_policy()


def events(message, settings=SETTINGS):
    return read_events(message if isinstance(message, bytes) else message.encode(), settings)


def resource(message, settings=SETTINGS):
    (event,) = events(message, settings)
    return event.resource


def text_of(mapped):
    (form,) = mapped["presentedForm"]
    return base64.b64decode(form["data"]).decode()


def refused(message, settings=SETTINGS):
    with pytest.raises(UnreadableReport) as caught:
        events(message, settings)
    return caught.value.reason, caught.value.location


def test_an_oru_is_a_diagnostic_report():
    mapped = resource(oru())
    assert mapped["resourceType"] == "DiagnosticReport"
    assert mapped["status"] == "final"
    assert mapped["code"] == {
        "coding": [
            {
                "system": "http://loinc.org",
                "code": "22637-3",
                "display": "Pathology report final diagnosis Narrative",
            }
        ],
        "text": "Pathology report final diagnosis Narrative",
    }
    assert mapped["category"][0]["coding"][0]["code"] == "SP"
    assert mapped["subject"]["identifier"] == {
        "type": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]
        },
        "system": "urn:oid:1.2.826.0.1.1",
        "value": "MRN-1",
    }
    assert mapped["effectiveDateTime"] == "2026-01-09"
    assert mapped["issued"] == "2026-01-10T11:59:00+01:00"
    assert mapped["meta"]["lastUpdated"] == "2026-01-10T12:00:00+01:00"
    assert text_of(mapped) == "Invasive ductal carcinoma of the left breast, 2.4 cm, grade 2."


@pytest.mark.parametrize("message", [oru(), mdm(), mdm(txa(), event="T11")])
def test_nothing_of_the_patient_but_identifiers_and_gender_is_taken(message):
    (event,) = events(message)
    assert "Carla" not in repr(event.resource) + repr(event.companions)
    assert event.companions[1]["gender"] == "female"


@pytest.mark.parametrize(
    "message", [oru(), mdm(), mdm(txa(f13="D0^DOCS", f25="Title"), event="T10")]
)
def test_what_is_mapped_is_valid_fhir(message):
    mapped = resource(message)
    if mapped["resourceType"] == "DocumentReference":
        mapped = mapped | {"content": mapped.get("content", [{"attachment": {"title": "none"}}])}
    {"DiagnosticReport": DiagnosticReport, "DocumentReference": DocumentReference}[
        mapped["resourceType"]
    ].model_validate(mapped)


def test_a_correction_is_a_later_version_of_the_same_report_and_again_is_the_same():
    first = resource(oru(control_id="M1"))
    again = resource(oru(control_id="M1"))
    later = resource(oru(obr(status="C"), obx("2.6 cm"), control_id="M2", sent="20260111"))
    assert first == again
    assert later["id"] == first["id"]
    assert later["status"] == "corrected"
    assert later["meta"]["versionId"] != first["meta"]["versionId"]


@pytest.mark.parametrize(
    ("control_ids", "first_is_older"), [(("9", "10"), True), (("10", "9"), True)]
)
def test_of_one_second_the_status_orders_and_not_the_control_id(control_ids, first_is_older):
    first, second = control_ids
    final = source_version_of(resource(oru(control_id=first)))
    corrected = source_version_of(resource(oru(obr(status="C"), obx("x"), control_id=second)))
    assert final.older_than(corrected) == first_is_older
    assert not corrected.older_than(final)


def test_messages_of_other_senders_are_other_reports():
    ids = {
        resource(oru())["id"],
        resource(oru(f3="OTHER"))["id"],
        resource(oru(f4="OTHER"))["id"],
        resource(oru(obr(filler="F2"), obx("x")))["id"],
        resource(oru(obr(filler="F1"), obx("x"), f4="THIRD"))["id"],
    }
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("code", "status", "verdict"),
    [
        ("F", "final", Process), ("C", "corrected", Process), ("X", "cancelled", Retract),
        ("P", "preliminary", Skip), ("M", "preliminary", Skip), ("R", "partial", Skip),
        ("A", "partial", Skip), ("O", "registered", Skip), ("I", "registered", Skip),
        ("S", "registered", Skip), ("N", "registered", Skip),
    ],
)  # fmt: skip
def test_obr_25_is_the_status(code, status, verdict):
    mapped = resource(oru(obr(status=code), obx("x")))
    assert mapped["status"] == status
    assert isinstance(triage(mapped, POLICY), verdict)


@pytest.mark.parametrize(
    ("event", "completion", "availability", "verdict"),
    [
        ("T02", "LA", "AV", Process), ("T02", "AU", "", Process), ("T02", "", "", Process),
        ("T02", "DI", "AV", Skip), ("T02", "IP", "AV", Skip), ("T02", "PA", "AV", Skip),
        ("T02", "LA", "UN", Skip), ("T02", "LA", "OB", Skip), ("T02", "LA", "CA", Retract),
        ("T08", "AU", "AV", Process), ("T11", "LA", "CA", Retract), ("T11", "", "", Retract),
    ],
)  # fmt: skip
def test_txa_17_and_19_are_the_status(event, completion, availability, verdict):
    message = mdm(txa(completion=completion, availability=availability), obx("text"), event=event)
    assert isinstance(triage(resource(message), POLICY), verdict)


def test_an_edit_is_amended_and_a_replacement_replaces_its_parent():
    original = resource(mdm(txa("D1"), obx("a")))
    edited = resource(mdm(txa("D1"), obx("b"), event="T08"))
    replacing = resource(mdm(txa("D2", f13="D1^DOCS"), obx("c"), event="T10"))
    assert (edited["id"], edited["docStatus"]) == (original["id"], "amended")
    (relation,) = replacing["relatesTo"]
    assert relation["target"]["reference"] == f"DocumentReference/{original['id']}"
    assert triage(replacing, POLICY).replaces == (f"DocumentReference/{original['id']}",)


def test_several_orders_are_several_reports_and_one_order_is_one():
    both = events(oru(obr("F1"), obx("a"), obr("F2", n=2), obx("b"), obr("F1", n=3), obx("c")))
    assert len(both) == 2
    assert text_of(both[0].resource) == "a\nc"
    assert text_of(both[1].resource) == "b"


def test_of_one_order_the_final_groups_count():
    message = oru(obr(status="P"), obx("draft"), obr(status="F", n=2), obx("final"))
    mapped = resource(message)
    assert (mapped["status"], text_of(mapped)) == ("final", "final")


def test_texts_are_joined_in_order_with_titles_where_there_are_several():
    gross = "22634-0^Gross^LN"
    message = oru(
        obr(),
        obx("first line~second line", code=gross),
        obx("", code=gross, n=2),
        obx("a\\T\\b, a^b \\F\\ \\X41\\", code=gross, n=3),
        obx("Final diagnosis: x\\.br\\y", kind="FT", n=4),
        obx("2.4", kind="NM", code="21889-1^Size^LN", n=5).replace("|2.4||", "|2.4|cm|"),
        obx("P^positive^L", kind="CWE", code="ER^ER^L", n=6),
        obx("wrong", status="W", n=7),
        obx("deleted", status="D", n=8),
        "NTE|1||a comment~of two lines",
        "ZXX|1|never|read",
    )
    assert text_of(resource(message)) == (
        "Gross:\nfirst line\nsecond line\n\na&b, a^b | A\n\nFinal diagnosis: x\ny\n\nSize: 2.4 cm\n\n"
        "ER: positive\n\na comment\nof two lines"
    )


PDF = base64.b64encode(b"%PDF-1.7 canary").decode()


@pytest.mark.parametrize(
    ("value", "content_type", "data"),
    [
        (f"^application^pdf^Base64^{PDF}", "application/pdf", PDF),
        (f"^AP^PDF^Base64^{PDF}", "application/pdf", PDF),
        (f"^PDF^^Base64^{PDF[:8]}\\.br\\{PDF[8:]}", "application/pdf", PDF),
        ("^TEXT^HTML^A^<p>x</p>", "text/html", base64.b64encode(b"<p>x</p>").decode()),
        ("^image^jpeg^Hex^FFD8FF", "image/jpeg", base64.b64encode(b"\xff\xd8\xff").decode()),
        (f"^^application/rtf^Base64^{PDF}", "application/rtf", PDF),
    ],
)
def test_an_ed_is_an_attachment(value, content_type, data):
    wanted = {"contentType": content_type, "data": data}
    assert resource(oru(obr(), obx(value, kind="ED")))["presentedForm"] == [wanted]
    assert resource(mdm(txa(), obx(value, kind="ED")))["content"] == [{"attachment": wanted}]


def test_text_beside_an_attachment_is_a_result_of_the_report():
    mapped = resource(
        oru(obr(), obx(f"^application^pdf^Base64^{PDF}", kind="ED"), obx("See PDF.", n=2))
    )
    assert [form["contentType"] for form in mapped["presentedForm"]] == ["application/pdf"]
    assert mapped["result"] == [{"reference": "#observation-1"}]
    assert mapped["contained"][0]["valueString"] == "See PDF."


def test_a_cover_note_is_no_rendition_of_the_document_and_a_text_is():
    pdf = obx(f"^application^pdf^Base64^{PDF}", kind="ED")
    assert len(resource(mdm(txa(), pdf, obx("See PDF.", n=2)))["content"]) == 1
    assert len(resource(mdm(txa(), pdf, obx("A long text. " * 40, n=2)))["content"]) == 2


def test_a_pointer_is_kept_as_a_url_only_if_it_is_one():
    url = resource(oru(obr(), obx("https://pacs.example/1^^application^pdf", kind="RP")))
    other = resource(oru(obr(), obx("\\\\server\\share\\x.pdf^^application^pdf", kind="RP")))
    assert url["presentedForm"] == [
        {"contentType": "application/pdf", "url": "https://pacs.example/1"}
    ]
    assert "url" not in other["presentedForm"][0]
    assert "share" not in repr(other)


def test_codes_keep_the_system_that_the_message_names_and_none_is_invented():
    local = oru(obr(code="P1^Path^L"), obx("x"))
    assert "system" not in resource(local)["code"]["coding"][0]
    known = Hl7v2Settings(systems="L=https://lab.example/codes")
    assert resource(local, known)["code"]["coding"][0]["system"] == "https://lab.example/codes"
    oid = resource(oru(obr(code="P1^Path^1.2.3.4"), obx("x")))
    assert oid["code"]["coding"][0]["system"] == "urn:oid:1.2.3.4"


def test_the_namespace_of_a_setting_names_the_patients_system():
    plain = "PID|1||MRN-1^^^HOSP^MR~SSN-1^^^GOV^SS"
    message = oru(obr(), obx("x"), pid=plain)
    assert "system" not in resource(message)["subject"]["identifier"]
    known = Hl7v2Settings(systems="HOSP=https://hospital.example/mrn")
    chosen = resource(message, known)["subject"]["identifier"]
    assert (chosen["system"], chosen["value"]) == ("https://hospital.example/mrn", "MRN-1")


def test_the_medical_record_number_is_preferred():
    pid = "PID|1||SSN-1^^^GOV&1.2.3&ISO^SS~MRN-1^^^HOSP&1.2.4&ISO^MR"
    assert resource(oru(obr(), obx("x"), pid=pid))["subject"]["identifier"]["value"] == "MRN-1"


def test_times_take_the_zone_of_the_message_else_of_the_setting():
    timed = obr().replace("|20260109|", "|202601091530|")
    berlin = Hl7v2Settings(time_zone="Europe/Berlin")
    assert resource(oru(timed, obx("x")))["effectiveDateTime"] == "2026-01-09T15:30:00+01:00"
    local = oru(timed, obx("x"), sent="20260710120000")
    assert resource(local, berlin)["effectiveDateTime"] == "2026-01-09T15:30:00+01:00"
    assert resource(local, berlin)["meta"]["lastUpdated"] == "2026-07-10T12:00:00+02:00"
    assert resource(local)["effectiveDateTime"] == "2026-01-09T15:30:00+00:00"


@pytest.mark.parametrize("sent", ["", "99991231235959", "9999", "20991231", "no time"])
def test_a_time_that_cannot_order_messages_is_left_out(sent):
    assert "lastUpdated" not in resource(oru(sent=sent))["meta"]


def test_a_clock_that_is_some_hours_ahead_orders_messages():
    ahead = (datetime.now(UTC) + timedelta(hours=3)).strftime("%Y%m%d%H%M%S+0000")
    assert "lastUpdated" in resource(oru(sent=ahead))["meta"]


def test_a_confidential_report_is_skipped():
    restricted = resource(oru(f"ORC|RE|P1|F1{'|' * 25}R", obr(), obx("x")))
    document = resource(mdm(txa(f18="V"), obx("x")))
    for mapped in (restricted, document):
        labels = load_policy(skip_security_labels=("R", "V"))
        assert triage(mapped, labels) == Skip(Reason.RESTRICTED)


@pytest.mark.parametrize(
    ("message", "reason", "location"),
    [
        ("MSH|^~\\&|LAB", Reason.UNSUPPORTED_HL7V2_EVENT, "MSH-9"),
        (oru(kind="ADT^A01"), Reason.UNSUPPORTED_HL7V2_EVENT, "MSH-9"),
        (oru(kind="ORU^R30"), Reason.UNSUPPORTED_HL7V2_EVENT, "MSH-9"),
        (mdm(event="T01"), Reason.UNSUPPORTED_HL7V2_EVENT, "MSH-9"),
        (oru(f14="X"), Reason.UNSUPPORTED_HL7V2_EVENT, "MSH-14"),
        (oru(control_id=""), Reason.INVALID_HL7V2, "MSH-10"),
        (oru("NTE|1||x"), Reason.INVALID_HL7V2, "OBR"),
        (mdm(obx("x")), Reason.INVALID_HL7V2, "TXA"),
        (oru(obr(status=""), obx("x")), Reason.MISSING_STATUS, "OBR-25"),
        (oru(obr(status="Y"), obx("x")), Reason.STATUS_UNKNOWN, "OBR-25"),
        (oru(obr(), obr("F2", "ZZ", n=2)), Reason.STATUS_UNKNOWN, "OBR[2]-25"),
        (mdm(txa(completion="XX")), Reason.STATUS_UNKNOWN, "TXA-17"),
        (mdm(txa(availability="XX")), Reason.STATUS_UNKNOWN, "TXA-19"),
        (oru("OBR|1|||22637-3" + "|" * 21 + "F"), Reason.MISSING_ID, "OBR-3"),
        (mdm(txa(f12="")), Reason.MISSING_ID, "TXA-12"),
        (oru(pid=None), Reason.MISSING_SUBJECT, "PID-3"),
        (oru(pid="PID|1||^^^HOSP^MR"), Reason.MISSING_SUBJECT, "PID-3"),
        (oru(obr(), obx("^AP^PDF^Base64^Canary!", kind="ED")), Reason.INVALID_BASE64, "OBX-5"),
        (oru(obr(), obx("a \\C2842\\ b")), Reason.UNDECODABLE_TEXT, "OBX-5"),
        ("MSH|^^~&|A", Reason.INVALID_HL7V2, "MSH-2"),
        ("MSH|ABCD|A", Reason.INVALID_HL7V2, "MSH-2"),
        ("MSH|^~\\&$%!|A", Reason.INVALID_HL7V2, "MSH-2"),
        (oru(obr(), obx("|" * 300_000)), Reason.INVALID_HL7V2, "MSH"),
    ],
)  # fmt: skip
def test_what_cannot_be_mapped_is_refused_with_the_field(message, reason, location):
    assert refused(message) == (reason, location)


def test_the_filler_number_of_the_orc_counts_where_the_obr_has_none():
    by_orc = resource(oru("ORC|RE|P1|F1^LAB", obr().replace("|F1^LAB|", "||"), obx("x")))
    assert by_orc["id"] == resource(oru())["id"]


def test_a_message_of_two_patients_keeps_them_apart():
    other = PID.replace("MRN-1", "MRN-2")
    first, second = events(oru(obr("F1"), obx("a"), other, obr("F2"), obx("b")))
    values = [each.resource["subject"]["identifier"]["value"] for each in (first, second)]
    assert values == ["MRN-1", "MRN-2"]
    assert text_of(first.resource) == "a"


def test_specimens_are_contained_with_type_and_site():
    spm = "SPM|1|A^^^&&||TISS^Tissue^HL70487||||BRST^Left breast^L"
    (specimen,) = resource(oru(obr(), obx("x"), spm))["contained"]
    assert specimen["type"]["text"] == "Tissue"
    assert specimen["collection"]["bodySite"]["text"] == "Left breast"
