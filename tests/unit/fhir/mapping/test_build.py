"""What findings become, element by element, where mCODE leaves a choice."""

import pytest

from oncofhir.fhir.mapping.build import build
from oncofhir.fhir.mapping.output_options import OutputOptions
from oncofhir.fhir.mapping.r4_validation import validate
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.withdrawal import entered_in_error
from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.finding import Coding
from oncofhir.schemas.report import SecurityLabel
from oncofhir.settings import StagingSystem
from tests.builders import CANARY
from tests.findings import context_of, extraction_of, finding, report_of

MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
IMAGING = (Coding(system="http://loinc.org", code="18748-4"),)
TEXT = """FINAL DIAGNOSIS:
Left breast: invasive ductal carcinoma, Nottingham grade 2, 2.3 x 1.8 cm.
Estrogen receptor: positive. Pathologic stage: pT2 pN1a, stage IIB.
"""


def built(*findings, report=None, **more):
    report = report or report_of(TEXT)
    return build(context_of(report, **more), extraction_of(*findings), 1)


def size(report, part=None, quote="2.3 x 1.8 cm", dimensions=(23.0, 18.0)):
    return finding(report, "tumor-size", "23 mm", quote, dimensions=dimensions, part=part)


def diagnosis(report, value="breast cancer", quote="invasive ductal carcinoma", **more):
    return finding(report, "diagnosis", value, quote, **more)


BY_AJCC = OutputOptions(staging_system=StagingSystem.AJCC_8)
NOT_STATED = "not stated in report"
UNCLEAR = "AJCC, edition not clear from report"
RELATED = "http://hl7.org/fhir/StructureDefinition/condition-related"
US_CORE_CONDITION = (
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition-problems-health-concerns"
)


def profile(resource):
    return [url.removeprefix(MCODE) for url in resource["meta"].get("profile", [])]


def reasons(resource):
    return [tag["code"] for tag in resource["meta"].get("tag", [])]


def code(concept):
    return concept["coding"][0]["code"]


def test_a_size_of_a_pathology_report_is_on_a_specimen_that_is_made():
    report = report_of(TEXT)
    plan = built(size(report), report=report)
    observation, specimen = plan.resources["tumor-size"], plan.resources["specimen"]
    assert profile(observation) == ["mcode-tumor-size"]
    assert profile(specimen) == ["mcode-human-specimen"]
    assert observation["specimen"]["reference"] == f"Specimen/{specimen['id']}"
    assert "focus" not in observation
    values = [c["valueQuantity"]["value"] for c in observation["component"]]
    assert values == [23, 18]
    assert code(observation["method"]) == "787377000"


def test_a_specimen_that_the_report_names_is_used_and_none_is_made():
    report = report_of(TEXT, specimen="Specimen/s9")
    plan = built(size(report), report=report)
    assert list(plan.resources) == ["tumor-size"]
    assert plan.resources["tumor-size"]["specimen"] == {"reference": "Specimen/s9"}


def test_a_size_of_an_image_is_on_a_tumor_in_the_body():
    text = "CT CHEST: a mass of 2.3 x 1.8 cm."
    report = report_of(text, types=IMAGING)
    plan = built(size(report), diagnosis(report, "lung cancer", "mass"), report=report)
    observation, tumor = plan.resources["tumor-size"], plan.resources["tumor"]
    assert profile(tumor) == ["mcode-tumor"]
    assert code(tumor["location"]) == "unknown", "location is 1..1 and no site is stated"
    assert observation["focus"] == [{"reference": f"BodyStructure/{tumor['id']}"}]
    assert "specimen" not in observation
    assert code(plan.resources["diagnosis"]["evidence"][0]["code"][0]) == "363679005"


def test_a_clinical_note_claims_no_method_and_no_kind_of_evidence():
    report = report_of("Assessment: breast cancer, 2.3 x 1.8 cm.", types=(), sections=(), parts=())
    plan = built(size(report), diagnosis(report, quote="breast cancer"), report=report)
    assert "method" not in plan.resources["tumor-size"]
    assert "code" not in plan.resources["diagnosis"]["evidence"][0]


def test_without_a_diagnosis_no_condition_is_made_and_the_site_is_on_the_specimen():
    report = report_of(TEXT)
    found = [
        finding(report, "tumor-site", "breast", "breast"),
        finding(report, "tumor-laterality", "left", "Left breast"),
    ]
    plan = built(*found, report=report)
    assert list(plan.resources) == ["specimen"]
    site = plan.resources["specimen"]["collection"]["bodySite"]
    assert code(site) == "76752008"
    assert code(site["extension"][0]["valueCodeableConcept"]) == "7771000"
    assert {row.resource for row in plan.rows} == {f"Specimen/{plan.resources['specimen']['id']}"}


def test_a_side_without_a_site_is_kept():
    report = report_of(TEXT)
    plan = built(
        diagnosis(report), finding(report, "tumor-laterality", "left", "Left breast"), report=report
    )
    where = plan.resources["diagnosis"]["bodySite"][0]
    assert where["text"] == "left"
    assert code(where["extension"][0]["valueCodeableConcept"]) == "7771000"


def test_a_place_in_the_organ_is_a_qualifier_beside_the_side():
    report = report_of("CT CHEST: Left lung, lower lobe: a mass of 24 mm.", types=IMAGING)
    plan = built(
        diagnosis(report, "lung cancer", "mass"),
        finding(report, "tumor-site", "left lung, lower lobe", "Left lung, lower lobe"),
        finding(report, "tumor-laterality", "left", "Left"),
        size(report, quote="24 mm", dimensions=(24.0,)),
        report=report,
    )
    where = plan.resources["diagnosis"]["bodySite"][0]
    qualifiers = [(e["url"], code(e["valueCodeableConcept"])) for e in where["extension"]]
    assert qualifiers == [
        (f"{MCODE}mcode-body-location-qualifier", "261122009"),
        (f"{MCODE}mcode-laterality-qualifier", "7771000"),
    ]
    tumor = plan.resources["tumor"]
    assert [code(place) for place in tumor["locationQualifier"]] == ["261122009", "7771000"]


def test_a_stage_group_without_a_diagnosis_falls_back_to_its_parent_and_says_why():
    report = report_of(TEXT)
    group = finding(report, "cancer-stage", "IIB", "stage IIB", slot="group")
    alone = built(group, report=report, options=BY_AJCC).resources["cancer-stage/group"]
    assert profile(alone) == ["mcode-cancer-stage"]
    assert reasons(alone) == ["no-condition-to-refer-to"]
    plan = built(group, diagnosis(report), report=report, options=BY_AJCC)
    staged = plan.resources["cancer-stage/group"]
    assert profile(staged) == ["mcode-tnm-stage-group"]
    assert staged["focus"] == [{"reference": f"Condition/{plan.resources['diagnosis']['id']}"}]
    assert plan.resources["diagnosis"]["stage"][0]["assessment"] == [
        {"reference": f"Observation/{staged['id']}"}
    ]


def test_a_receptor_that_mcode_has_no_test_for_keeps_its_text_and_says_why():
    report = report_of(TEXT)
    receptor = finding(report, "hormone-receptor", "positive", "positive", slot="AR")
    resource = built(receptor, report=report).resources["hormone-receptor/AR"]
    assert profile(resource) == []
    assert reasons(resource) == ["test-without-code"]
    assert resource["code"] == {"text": "AR receptor"}


@pytest.mark.parametrize(
    ("stated", "written"),
    [
        ("2026-11-18", "2026-11-18"),
        ("2026-11-18T10:00:00Z", "2026-11-18T10:00:00Z"),
        ("2026-11-18T10:00:00.123+01:00", "2026-11-18T10:00:00.123+01:00"),
        ("2026-11-18T10:00:00", "2026-11-18"),
        ("2026-11-18T10:00", "2026-11-18"),
        ("2026-11-18 10:00:00", "2026-11-18"),
        ("2026-11-18T24:00:00Z", "2026-11-18"),
        ("2026-11", None),
        ("2026-02-30", None),
        ("18.11.2026 10:00", None),
        ("20261118100000", None),
    ],
)
def test_a_time_that_is_none_in_r4_costs_no_finding(stated, written):
    """Systems that leave out the time zone are common: the day is kept, and nothing is guessed."""
    report = report_of(TEXT, effective=stated)
    found = (diagnosis(report), finding(report, "cancer-grade", "2", "grade 2"))
    plan = built(*found, report=report)
    assert plan.resources["cancer-grade"].get("effectiveDateTime") == written
    assert [row.effective for row in plan.rows] == [written] * 2


@pytest.mark.parametrize(
    ("value", "slot", "observed", "claims"),
    [
        ("pT2", "t", "384625004", True),
        ("cT2", "t", "399504009", True),
        ("ypT2", "t", "384625004", False),
        ("rpT2", "t", "78873005", False),
        ("pN1a", "n", "371494008", True),
        ("pM0", "m", "371497001", False),
    ],
)
def test_a_category_claims_its_profile_only_with_a_code(value, slot, observed, claims):
    report = report_of(f"Pathologic stage: {value}.")
    found = finding(report, "cancer-stage", value, value, slot=slot)
    stage = built(found, report=report, options=BY_AJCC)
    resource = stage.resources[f"cancer-stage/{slot}"]
    assert code(resource["code"]) == observed
    assert bool(profile(resource)) is claims
    assert reasons(resource) == ([] if claims else ["value-without-code"])
    assert resource["valueCodeableConcept"]["text"] == value
    assert "device" not in resource, "not used in the staging profiles"


@pytest.mark.parametrize(
    ("said", "edition"),
    [
        ("AJCC Cancer Staging Manual, 8th edition", "897275008"),
        ("pTNM (AJCC 8th ed.)", "897275008"),
        ("AJCC 7", "443830009"),
        ("AJCC v9", "1269566009"),
        ("AJCC/UICC 8th edition", "897275008"),
        ("8th edition of the AJCC", "897275008"),
        ("American Joint Committee on Cancer, Eighth Edition", "897275008"),
        ("AJCC 7th edition; formerly AJCC 8th edition", UNCLEAR),
        ("pTNM (AJCC)", UNCLEAR),
        ("UICC, 8th edition", "C188404"),
        ("Union for International Cancer Control", "C188404"),
        ("no manual named; margin 8 mm", NOT_STATED),
    ],
)
def test_the_staging_manual_is_the_one_that_the_report_names(said, edition):
    assert method_of(staged(said)) == edition


@pytest.mark.parametrize(
    ("said", "site", "edition"),
    [
        ("no manual named", "ajcc-7", "443830009"),
        ("no manual named", "ajcc-9", "1269566009"),
        ("no manual named", "uicc", "C188404"),
        ("AJCC 8th edition", "ajcc-7", "897275008"),
        ("AJCC 8th edition", "uicc", "897275008"),
        ("pTNM (AJCC)", "ajcc-8", "897275008"),
        ("pTNM (AJCC)", "uicc", UNCLEAR),
        ("AJCC 7th edition; formerly AJCC 8th edition", "ajcc-8", UNCLEAR),
        ("UICC 8th edition", "ajcc-8", "C188404"),
    ],
)
def test_the_sites_system_counts_where_the_report_names_none(said, site, edition):
    assert method_of(staged(said, site)) == edition


@pytest.mark.parametrize(
    ("said", "site", "reason"),
    [
        ("pTNM (AJCC)", None, None),
        ("American Joint Commission on Cancer", None, None),
        ("no manual named", "ajcc-6", None),
        ("no manual named", None, "staging-system-not-named"),
        ("no manual named", "uicc", "value-without-code"),
        ("UICC 8th edition", "ajcc-8", "value-without-code"),
    ],
)
def test_a_stage_has_ajccs_codes_only_where_report_or_site_names_ajcc(said, site, reason):
    plan = staged(said, site)
    t, group = plan.resources["cancer-stage/t"], plan.resources["cancer-stage/group"]
    assert reasons(t) == reasons(group) == ([reason] if reason else [])
    assert profile(t) == ([] if reason else ["mcode-tnm-primary-tumor-category"])
    assert profile(group) == ["mcode-cancer-stage" if reason else "mcode-tnm-stage-group"]
    [stage] = plan.resources["diagnosis"]["stage"]
    values = [t["valueCodeableConcept"], group["valueCodeableConcept"], stage["summary"]]
    assert [bool(value.get("coding")) for value in values] == [reason is None] * 3
    assert [value["text"] for value in values] == ["pT2", "stage IIB", "stage IIB"]
    assert ("type" in stage) is (reason != "staging-system-not-named")
    rows = [row for row in plan.rows if row.kind == "cancer-stage"]
    assert [bool(row.codings) for row in rows] == [reason is None] * 2


def test_a_value_that_no_system_has_a_code_for_says_so_also_where_none_is_named():
    report = report_of("Pathologic stage: ypT2.")
    plan = built(finding(report, "cancer-stage", "ypT2", "ypT2", slot="t"), report=report)
    assert reasons(plan.resources["cancer-stage/t"]) == ["value-without-code"]


@pytest.mark.parametrize(
    ("said", "is_figo"),
    [
        ("FIGO stage IIB", True),
        ("FIGO IIB", True),
        ("FIGO (2018) IIB", True),
        ("stage IIB (FIGO)", True),
        ("stage (FIGO) IIB", True),
        ("FIGO grade 1, stage IIB", False),
        ("stage IIB, FIGO grade 1", False),
        ("FIGO stage IIB, AJCC stage IIB", False),
        ("stage IIB", False),
    ],
)
def test_a_stage_group_of_figo_is_figos_whatever_the_sites_system(said, is_figo):
    report = report_of(f"Cervix: squamous cell carcinoma, {said}.")
    group = finding(report, "cancer-stage", "IIB", said, slot="group")
    found = (diagnosis(report, "cervical cancer", "squamous cell carcinoma"), group)
    plan = built(*found, report=report, options=BY_AJCC)
    observation = plan.resources["cancer-stage/group"]
    [stage] = plan.resources["diagnosis"]["stage"]
    assert (code(observation["code"]) == "385361009") is is_figo
    values = [observation["valueCodeableConcept"], stage["summary"]]
    assert {code(value) for value in values} == {"C96254" if is_figo else "1222769001"}
    assert [row.codings[0].code for row in plan.rows if row.slot == "group"] == [code(values[0])]
    assert (code(observation["method"]) == code(stage["type"]) == "254383006") is is_figo
    assert profile(observation) == ["mcode-cancer-stage" if is_figo else "mcode-tnm-stage-group"]
    assert reasons(observation) == []
    assert stage["summary"]["text"] == ("FIGO stage IIB" if is_figo else "stage IIB")


def staged(said, site=None):
    """A report of pT2, stage IIB that says this too, at a site with this staging system."""
    report = report_of(f"Left breast: invasive ductal carcinoma. Stage: pT2, stage IIB. {said}")
    choices = OutputOptions(staging_system=StagingSystem(site) if site else None)
    found = (
        diagnosis(report),
        finding(report, "cancer-stage", "pT2", "pT2", slot="t"),
        finding(report, "cancer-stage", "IIB", "stage IIB", slot="group"),
    )
    return built(*found, report=report, options=choices)


def method_of(plan):
    method = plan.resources["cancer-stage/t"]["method"]
    return code(method) if "coding" in method else method["text"]


def test_gleason_is_a_stage_and_nottingham_names_its_system():
    report = report_of("Gleason score 3+4=7. Breast: Nottingham grade 2.")
    gleason = built(finding(report, "cancer-grade", "3+4=7", "3+4=7"), report=report)
    assert profile(gleason.resources["cancer-grade"]) == ["mcode-cancer-stage"]
    assert code(gleason.resources["cancer-grade"]["code"]) == "385377005"
    grade = built(finding(report, "cancer-grade", "2", "Nottingham grade 2"), report=report)
    assert code(grade.resources["cancer-grade"]["method"]) == "449205006"
    assert grade.resources["cancer-grade"]["valueCodeableConcept"]["text"] == "Nottingham grade 2"


@pytest.mark.parametrize(
    ("value", "claimed", "reason"),
    [
        ("breast cancer", "mcode-primary-cancer-condition", []),
        ("ductal carcinoma in situ of breast", "mcode-primary-cancer-condition", []),
        ("metastatic breast cancer", "mcode-primary-cancer-condition", []),
        ("breast cancer with liver metastases", "mcode-primary-cancer-condition", []),
        ("metastasis to the liver", "mcode-secondary-cancer-condition", []),
        ("adenocarcinoma metastatic to bone", "mcode-secondary-cancer-condition", []),
        ("fibroadenoma of the breast", None, ["no-malignancy-named"]),
    ],
)
def test_primary_secondary_or_neither(value, claimed, reason):
    report = report_of(TEXT)
    resource = built(diagnosis(report, value), report=report).resources["diagnosis"]
    assert profile(resource) == [claimed or US_CORE_CONDITION]
    assert reasons(resource) == reason


def test_a_secondary_cancer_has_its_code_and_no_stage():
    report = report_of(TEXT)
    group = finding(report, "cancer-stage", "IIB", "stage IIB", slot="group")
    plan = built(diagnosis(report, "metastasis to the liver"), group, report=report)
    assert code(plan.resources["diagnosis"]["code"]) == "128462008"
    assert "stage" not in plan.resources["diagnosis"]


def test_a_secondary_cancer_names_the_reports_only_primary():
    report = report_of(PARTS)
    primary = diagnosis(report, "breast cancer", "invasive ductal carcinoma", part="A")
    other = diagnosis(report, "lobular breast cancer", "invasive lobular carcinoma", part="B")
    secondary = diagnosis(report, "metastasis to the liver", "invasive lobular carcinoma")
    benign = diagnosis(report, "fibroadenoma", "invasive lobular carcinoma", part="B")

    def related(*found):
        conditions = built(*found, report=report).resources
        return conditions, {
            slot: [e["valueReference"] for e in resource["extension"] if e["url"] == RELATED]
            for slot, resource in conditions.items()
        }

    conditions, said = related(secondary, primary, benign)
    (own,) = (slot for slot, c in conditions.items() if "128462008" in str(c["code"]))
    (named,) = (slot for slot, c in conditions.items() if "primary" in str(c["meta"]))
    assert said[own] == [{"reference": f"Condition/{conditions[named]['id']}"}]
    assert list(conditions).index(named) < list(conditions).index(own), (
        "what is referred to is first"
    )
    assert not any(refs for slot, refs in said.items() if slot != own)
    for found in ((secondary,), (secondary, benign), (secondary, primary, other), (primary, other)):
        assert not any(related(*found)[1].values())


@pytest.mark.parametrize(
    ("verification", "category", "status"),
    [
        ("unconfirmed", "health-concern", "preliminary"),
        ("provisional", "problem-list-item", "registered"),
        ("differential", "problem-list-item", "preliminary"),
    ],
)
def test_status_and_category_are_as_the_site_chose(verification, category, status):
    chosen = OutputOptions(
        verification_status=verification, condition_category=category, observation_status=status
    )
    report = report_of(TEXT)
    plan = built(diagnosis(report), size(report), report=report, options=chosen)
    resource = plan.resources["diagnosis"]
    assert code(resource["verificationStatus"]) == verification
    assert [code(said) for said in resource["category"]] == [category]
    assert code(resource["clinicalStatus"]) == "active", "con-3: a problem has one"
    assert plan.resources["tumor-size"]["status"] == status


def test_a_lymphoma_has_no_tnm_stage_group():
    report = report_of(TEXT)
    stage = Coding(system="http://snomed.info/sct", code="1222769001")
    group = finding(report, "cancer-stage", "IIB", "stage IIB", slot="group").model_copy(
        update={"codings": (stage,)}
    )
    plan = built(diagnosis(report, "follicular lymphoma"), group, report=report, options=BY_AJCC)
    observation = plan.resources["cancer-stage/group"]
    assert code(observation["code"]) == "385388004"
    assert observation["valueCodeableConcept"] == {"text": "stage IIB"}
    assert profile(observation) == ["mcode-cancer-stage"]
    assert observation["method"] == {"text": NOT_STATED}, "the site's system is of TNM"
    assert plan.resources["diagnosis"]["stage"][0]["summary"] == {"text": "stage IIB"}
    assert "type" not in plan.resources["diagnosis"]["stage"][0]
    assert all(row.codings == () for row in plan.rows if row.slot == "group")


def test_a_stage_of_the_condition_says_the_manual_that_the_report_names():
    report = report_of(TEXT + "Staged by the AJCC 8th edition.\n")
    group = finding(report, "cancer-stage", "IIB", "stage IIB", slot="group")
    [stage] = built(diagnosis(report), group, report=report).resources["diagnosis"]["stage"]
    assert code(stage["type"]) == "897275008"


def test_an_inferred_diagnosis_says_so():
    report = report_of(TEXT)
    plan = built(diagnosis(report, inferred=True), report=report)
    resource = plan.resources["diagnosis"]
    assert "inferred by the model" in resource["code"]["text"]
    assert "Inferred by the model" in resource["note"][0]["text"]
    assert resource["verificationStatus"]["coding"][0]["code"] == "unconfirmed"


def test_everything_is_labelled_traced_and_identified():
    label = SecurityLabel(
        system="http://terminology.hl7.org/CodeSystem/v3-Confidentiality", code="N"
    )
    report = report_of(TEXT, security=(label,))
    found = (
        diagnosis(report),
        size(report),
        finding(report, "hormone-receptor", "positive", "positive", slot="ER"),
    )
    plan = built(*found, report=report)
    for slot, resource in plan.resources.items():
        labels = [coding["code"] for coding in resource["meta"]["security"]]
        assert labels == ["AIAST", "N"], slot
        assert resource["identifier"][0]["value"] == resource["id"]
    derived = plan.resources["tumor-size"]["extension"][0]["extension"]
    assert {e["url"]: next(v for k, v in e.items() if k != "url") for e in derived} == {
        "reference": {"reference": "DiagnosticReport/r1"},
        "path": "DiagnosticReport.presentedForm[0]",
        "offset": TEXT.index("2.3 x 1.8 cm"),
        "length": len("2.3 x 1.8 cm"),
    }
    assert "2.3 x 1.8 cm" in plan.resources["tumor-size"]["note"][0]["text"]


@pytest.mark.parametrize(
    ("setting", "calibrated", "value"),
    [
        ("always", True, {"valueDecimal": 0.93}),
        ("always", False, {"valueString": "token probability 0.9300, not calibrated"}),
        ("calibrated", True, {"valueDecimal": 0.93}),
        ("calibrated", False, None),
        ("never", True, None),
    ],
)
def test_a_decimal_confidence_is_a_calibrated_one(setting, calibrated, value):
    report = report_of(TEXT)
    found = size(report).model_copy(update={"calibrated": calibrated})
    options = OutputOptions(confidence=setting)
    told = built(found, report=report, options=options).resources["tumor-size"]
    shown = [e for e in told["extension"] if e["url"].endswith("/AIconfidence")]
    assert shown == ([{"url": shown[0]["url"], **value}] if value else [])
    quiet = built(found, report=report, options=OutputOptions(confidence="never"))
    assert fingerprint(quiet.resources["tumor-size"]) == fingerprint(told), "it rewrites nothing"


PARTS = """FINAL DIAGNOSIS:
A. Left breast: invasive ductal carcinoma, 2.3 cm.
B. Right breast: invasive lobular carcinoma, 1.1 cm.
"""


def two_tumors(report, first="A", second="B"):
    return (
        size(report, first, "2.3 cm", (23.0,)),
        size(report, second, "1.1 cm", (11.0,)),
        diagnosis(report, "breast cancer", "invasive ductal carcinoma", part=first),
        diagnosis(report, "lobular breast cancer", "invasive lobular carcinoma", part=second),
    )


def test_each_part_is_on_the_specimen_of_its_label_and_one_is_made_where_there_is_none():
    report = report_of(PARTS, specimens={"A": "Specimen/s-a"})
    plan = built(*two_tumors(report), report=report)
    sizes = {r["id"]: r for r in plan.resources.values() if r["resourceType"] == "Observation"}
    on = sorted(size["specimen"]["reference"] for size in sizes.values())
    (made,) = [r for r in plan.resources.values() if r["resourceType"] == "Specimen"]
    assert on == sorted(["Specimen/s-a", f"Specimen/{made['id']}"])


def test_two_tumors_have_each_their_condition_specimen_and_size():
    report = report_of(PARTS)
    plan = built(*two_tumors(report), report=report)
    for suffix in ("", "/part-B"):
        observation = plan.resources[f"tumor-size{suffix}"]
        assert observation["specimen"]["reference"].endswith(
            plan.resources[f"specimen{suffix}"]["id"]
        )
        related = [
            e["valueReference"]["reference"]
            for e in observation["extension"]
            if "valueReference" in e
        ]
        assert related == [f"Condition/{plan.resources[f'diagnosis{suffix}']['id']}"]


def test_an_addendum_that_adds_a_part_leaves_the_first_tumor_alone():
    report = report_of(PARTS)
    context = context_of(report)
    first = build(context, extraction_of(size(report, None, "2.3 cm", (23.0,))), 1)
    both = build(context, extraction_of(*two_tumors(report)), 2, first.parts)
    assert both.resources["tumor-size"]["id"] == first.resources["tumor-size"]["id"]
    assert fingerprint(both.resources["specimen"]) == fingerprint(first.resources["specimen"])


def test_of_two_parts_the_second_keeps_its_slot_when_the_first_is_gone():
    report = report_of(PARTS)
    context = context_of(report)
    both = build(context, extraction_of(*two_tumors(report)), 1)
    second = build(context, extraction_of(size(report, "B", "1.1 cm", (11.0,))), 2, both.parts)
    assert list(second.resources) == ["specimen/part-B", "tumor-size/part-B"]
    swapped = two_tumors(report)[::-1]
    again = build(context, extraction_of(*swapped), 3, both.parts)
    assert set(again.resources) == set(both.resources)
    for slot, resource in both.resources.items():
        assert again.resources[slot]["id"] == resource["id"]


def test_what_is_invalid_names_the_element_and_not_its_value():
    with pytest.raises(RequestRejected) as raised:
        validate({"resourceType": "Observation", "status": CANARY, "valueInteger": CANARY})
    assert "Observation" in str(raised.value)
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize("kind", ["Condition", "Observation", "Specimen", "BodyStructure"])
def test_withdrawn_resources_stay_valid(kind):
    text = "CT: mass 2.3 x 1.8 cm." if kind == "BodyStructure" else TEXT
    types = IMAGING if kind == "BodyStructure" else report_of(TEXT).types
    report = report_of(text, types=types)
    quote = "mass" if kind == "BodyStructure" else "invasive ductal carcinoma"
    plan = built(size(report), diagnosis(report, quote=quote), report=report)
    resource = next(r for r in plan.resources.values() if r["resourceType"] == kind)
    withdrawn = entered_in_error(resource)
    validate(withdrawn)
    assert "clinicalStatus" not in withdrawn
    assert fingerprint(withdrawn) != fingerprint(resource)
