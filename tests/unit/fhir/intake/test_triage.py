"""Which reports are read, skipped, retracted or held; and that it is data which says so."""

from importlib.resources import files

import pytest
from fhir.resources.diagnosticreport import DiagnosticReport as R5DiagnosticReport
from fhir.resources.documentreference import DocumentReference as R5DocumentReference
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.intake.text.triage import triage_text
from oncofhir.fhir.intake.triage import Process, Retract, Skip, load_policy, triage
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import SourceReference
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
    assert triage_text(report(text), POLICY, Process()) is None


@pytest.mark.parametrize(
    "text", ["Normal chest", "A brachial nerve block", "Figo's report of canceled visit"]
)
def test_reports_of_other_matters_are_skipped(text):
    expected = None if "Figo" in text else Skip(Reason.NOT_ONCOLOGY)
    assert triage_text(report(text), POLICY, Process()) == expected


def test_the_type_or_category_may_say_it_instead():
    loinc, v2 = "http://loinc.org", "http://terminology.hl7.org/CodeSystem/v2-0074"
    pathology = {"coding": [{"system": loinc, "code": "11526-1"}]}
    surgical = {"coding": [{"system": v2, "code": "SP"}]}
    local = {"coding": [{"system": "urn:site", "code": "X", "display": "Surgical Pathology"}]}
    named = {"text": "Pathologiebefund"}
    for told in ({"code": pathology}, {"category": [surgical]}, {"code": local}, {"code": named}):
        verdict = triage(diagnostic_report(**told), POLICY)
        assert verdict == Process(is_oncology=True)
        assert triage_text(report("Benign skin"), POLICY, verdict) is None
    assert triage(document_reference(type=named), POLICY) == Process(is_oncology=True)
    plain = triage(diagnostic_report(code={"text": "Complete blood count"}), POLICY)
    assert triage_text(report("Benign skin"), POLICY, plain) == Skip(Reason.NOT_ONCOLOGY)
    everything = load_policy(require_cancer=False)
    assert triage_text(report("Benign skin"), everything, Process()) is None


# Sources: ValueSets diagnostic-report-status, document-reference-status and composition-status of the package
# hl7.fhir.r4.examples 4.0.1; those of R5 as the models of fhir.resources list them.
STATUSES = {
    "DiagnosticReport": {
        "registered",
        "partial",
        "preliminary",
        "final",
        "amended",
        "corrected",
        "appended",
        "cancelled",
        "entered-in-error",
        "unknown",
    },
    "DocumentReference": {"current", "superseded", "entered-in-error"},
    "docStatus": {"preliminary", "final", "amended", "entered-in-error"},
}
STATUSES_R5 = {
    "DiagnosticReport": set(
        R5DiagnosticReport.model_fields["status"].json_schema_extra["enum_values"]
    ),
    "DocumentReference": set(
        R5DocumentReference.model_fields["status"].json_schema_extra["enum_values"]
    ),
    "docStatus": set(
        R5DocumentReference.model_fields["docStatus"].json_schema_extra["enum_values"]
    ),
}


@pytest.mark.parametrize("release", [STATUSES, STATUSES_R5], ids=["R4", "R5"])
@pytest.mark.parametrize("element", STATUSES)
def test_every_code_of_the_value_sets_has_a_fate(release, element):
    listed = POLICY.doc_status if element == "docStatus" else POLICY.status[element]
    assert release[element], "the model lists none"
    assert release[element] <= set(listed)


@given(
    st.sampled_from(sorted(STATUSES["DiagnosticReport"] | STATUSES_R5["DiagnosticReport"])),
    st.sampled_from(sorted(STATUSES["DocumentReference"])),
    st.none() | st.sampled_from(sorted(STATUSES["docStatus"] | STATUSES_R5["docStatus"])),
)
def test_every_status_ends_in_one_of_the_fates(diagnostic, document, doc_status):
    for resource in (
        diagnostic_report(diagnostic),
        document_reference(document, docStatus=doc_status),
    ):
        stated = {resource["status"], resource.get("docStatus")}
        if "unknown" in stated and not stated & {"entered-in-error", "cancelled"}:
            if "superseded" in stated:
                assert triage(resource, POLICY) == Skip(Reason.SUPERSEDED)
            else:
                assert held(resource) is Reason.STATUS_UNKNOWN
            continue
        verdict = triage(resource, POLICY)
        if stated & {"entered-in-error", "cancelled"}:
            assert isinstance(verdict, Retract)
        elif stated & {"registered", "partial", "preliminary"}:
            assert isinstance(verdict, Skip)
        elif stated & {"superseded", "deprecated"}:
            assert verdict == Skip(Reason.SUPERSEDED)
        else:
            assert verdict == Process()


def test_a_site_may_have_a_policy_of_its_own(tmp_path):
    default = files("oncofhir.fhir.intake").joinpath("triage.toml").read_text(encoding="utf-8")
    file = tmp_path / "triage.toml"
    file.write_text(default.replace('preliminary = "not-final"', 'preliminary = "process"'))
    assert triage(diagnostic_report("preliminary"), load_policy(file=file)) == Process()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('version = "1"', "version = 1", "^version: must be a text$"),
        ('version = "1"', "", "^the entry version is missing$"),
        ("[status.DiagnosticReport]", "[status", "^not valid TOML: .*at line"),
        ('"superseded"', '"no-such-reason"', "^status: .*no-such-reason"),
        ("machine_asserted = [", "machine_asserted = 3\nx = [", "must be a table or a list"),
    ],
)
def test_a_policy_that_cannot_be_used_says_why(tmp_path, old, new, message):
    default = files("oncofhir.fhir.intake").joinpath("triage.toml").read_text(encoding="utf-8")
    assert old in default
    file = tmp_path / "triage.toml"
    file.write_text(default.replace(old, new))
    with pytest.raises(ValueError, match=message):
        load_policy(file=file)


def test_a_policy_that_cannot_be_read_says_why(tmp_path):
    with pytest.raises(ValueError, match=r"^No such file or directory$"):
        load_policy(file=tmp_path / "absent")
    (tmp_path / "latin").write_bytes(b"\xe9")
    with pytest.raises(ValueError, match=r"^not UTF-8$"):
        load_policy(file=tmp_path / "latin")


ABSENT = {
    "extension": [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
            "valueCode": "masked",
        }
    ]
}


def test_an_absent_status_is_missing_and_an_extension_beside_one_changes_nothing():
    assert held({**diagnostic_report(), "status": None, "_status": ABSENT}) is Reason.MISSING_STATUS
    bare = {key: value for key, value in diagnostic_report().items() if key != "status"}
    assert held({**bare, "_status": ABSENT}) is Reason.MISSING_STATUS
    original = {"extension": [{"url": "http://site.example.org/original", "valueString": "F"}]}
    assert triage(diagnostic_report(_status=original), POLICY) == Process()
    assert triage(document_reference(docStatus=None, _docStatus=ABSENT), POLICY) == Process()


@given(st.sampled_from(["R", "V", "N", "NOPAR", "r", "U"]), st.booleans())
def test_labels_that_a_site_lists_skip_whatever_else_is_said(code, is_listed_system):
    system = "http://site.example.org" if is_listed_system else "http://other.example.org"
    label = {"system": system, "code": code}
    listed = code in {"R", "V"} or (code == "NOPAR" and is_listed_system)
    for status in ("final", "preliminary"):
        labelled = diagnostic_report(status, meta={"security": [{"code": "N"}, label]})
        verdict = triage(labelled, POLICY)
        assert (verdict == Skip(Reason.RESTRICTED)) is listed


def test_a_site_may_exclude_types():
    excluding = POLICY.model_copy(
        update={"excluded_types": frozenset({"http://loinc.org|58410-2"})}
    )
    blood_count = diagnostic_report(
        code={"coding": [{"system": "http://loinc.org", "code": "58410-2"}]}
    )
    assert triage(blood_count, excluding) == Skip(Reason.NOT_ONCOLOGY)
    assert triage(blood_count, POLICY) == Process()


REPLACES = "http://hl7.org/fhir/StructureDefinition/diagnosticReport-replaces"


@pytest.mark.parametrize("url", [REPLACES, "http://hl7.org/fhir/StructureDefinition/replaces"])
def test_the_extension_for_replaced_reports_counts_as_relates_to_does(url):
    old, older = (
        {"url": url, "valueReference": {"reference": f"DiagnosticReport/{n}"}} for n in "10"
    )
    other = {"url": REPLACES + "-not", "valueReference": {"reference": "DiagnosticReport/7"}}
    empty = [
        {"url": url},
        {"url": url, "valueReference": {"display": "x"}},
        {"url": url, "valueString": "y"},
    ]
    report = diagnostic_report(extension=[old, other, *empty, older])
    assert triage(report, POLICY) == Process(replaces=("DiagnosticReport/1", "DiagnosticReport/0"))
    relation = {"code": "replaces", "target": {"reference": "DocumentReference/3"}}
    both = document_reference(relatesTo=[relation], extension=[old])
    assert triage(both, POLICY) == Process(replaces=("DocumentReference/3", "DiagnosticReport/1"))


def test_a_report_that_is_not_read_replaces_nothing():
    old = {"url": REPLACES, "valueReference": {"reference": "DiagnosticReport/1"}}
    assert triage(diagnostic_report("registered", extension=[old]), POLICY) == Skip(
        Reason.NOT_FINAL
    )


GERMAN = (
    "Diagnose: M\u00e4\u00dfig differenziertes Adenokarzinom des Rektums mit Infiltration der perirektalen "
    "Weichteile. Keine Lymphknotenmetastasen. Der Resektionsrand ist tumorfrei. pT3, pN0, G2, R0."
)


def test_a_report_in_a_language_that_the_model_does_not_read_is_skipped_whole():
    english = load_policy(languages=["en"])
    assert triage_text(report(GERMAN), english, Process()) == Skip(Reason.LANGUAGE_NOT_READ)
    assert triage_text(report(GERMAN), english, Process(is_oncology=True)) == Skip(
        Reason.LANGUAGE_NOT_READ
    )
    for reads_it in (load_policy(languages=["en", "de"]), load_policy(), load_policy(languages=[])):
        assert triage_text(report(GERMAN), reads_it, Process()) is None


def test_what_is_not_oncology_is_that_in_any_language():
    text = "Die Patientin klagt seit drei Wochen \u00fcber Schmerzen im linken Knie. Kein Erguss, keine Fraktur."
    assert triage_text(report(text), load_policy(languages=["en"]), Process()) == Skip(
        Reason.NOT_ONCOLOGY
    )
