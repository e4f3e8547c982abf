"""Reading a value from a resource, and writing another one: what is written is what is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.mapping.build import build
from oncofhir.fhir.review.edits import read_edit
from oncofhir.fhir.review.elements import says_same, value_in, with_value, without_location
from oncofhir.fhir.review.verdicts import clean, reviewed
from oncofhir.review.verdicts.values import read_value, with_codes
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import ReviewStatus
from oncofhir.schemas.review import Reviewer
from oncofhir.terminology.choices import choices
from tests.findings import RECORDED, context_of, extraction_of, finding, report_of

TEXT = """FINAL DIAGNOSIS: Left breast, invasive ductal carcinoma, grade 2, 2.3 x 1.8 cm.
ER positive. AJCC 8th edition: pT2, stage IIB."""
REPORT = report_of(TEXT)
FINDINGS = (
    finding(REPORT, "diagnosis", "breast cancer", "carcinoma"),
    finding(REPORT, "tumor-site", "breast", "breast"),
    finding(REPORT, "tumor-laterality", "left", "Left"),
    finding(REPORT, "tumor-size", "23 mm", "2.3 x 1.8 cm", dimensions=(23.0, 18.0)),
    finding(REPORT, "cancer-grade", "2", "grade 2"),
    finding(REPORT, "histological-type", "invasive ductal carcinoma", "invasive ductal carcinoma"),
    finding(REPORT, "hormone-receptor", "positive", "ER positive", slot="ER"),
    finding(REPORT, "cancer-stage", "pT2", "pT2", slot="t"),
    finding(REPORT, "cancer-stage", "IIB", "stage IIB", slot="group"),
)
PLAN = build(context_of(REPORT), extraction_of(*FINDINGS), 1)
BY_REFERENCE = {f"{r['resourceType']}/{r['id']}": r for r in PLAN.resources.values()}
ROWS = {(row.kind, row.slot): row for row in PLAN.rows}
GREY = Reviewer(display="Grey", reference="Practitioner/1")
OTHER = {
    (Kind.DIAGNOSIS, None): "lung cancer",
    (Kind.TUMOR_SITE, None): "lung",
    (Kind.TUMOR_LATERALITY, None): "right",
    (Kind.TUMOR_SIZE, None): "4 x 3 cm",
    (Kind.CANCER_GRADE, None): "3",
    (Kind.HISTOLOGICAL_TYPE, None): "adenocarcinoma",
    (Kind.HORMONE_RECEPTOR, "ER"): "negative",
    (Kind.CANCER_STAGE, "t"): "pT3",
    (Kind.CANCER_STAGE, "group"): "IIIA",
}
each = pytest.mark.parametrize("slot", ROWS, ids=str)


def resource_of(row):
    return BY_REFERENCE[row.resource]


def other(slot):
    row = ROWS[slot]
    value = read_value(row.kind, row.slot, OTHER[slot])
    return with_codes(value, row.kind, row.slot, None, has_codes=bool(row.codings))


@each
def test_what_the_machine_wrote_is_read_as_its_row_says(slot):
    row = ROWS[slot]
    assert says_same(value_in(resource_of(row), row), row)
    assert read_edit(resource_of(row), row).status is ReviewStatus.UNREVIEWED


@each
def test_a_corrected_value_is_read_as_the_correction(slot):
    row, value = ROWS[slot], other(slot)
    corrected = with_value(resource_of(row), row, value)
    edit = read_edit(corrected, row)
    assert edit.status is ReviewStatus.CORRECTED
    assert (edit.value.value, edit.value.number) == (value.value, value.number)


@each
def test_a_correction_leaves_the_other_findings_of_the_resource(slot):
    row = ROWS[slot]
    corrected = with_value(resource_of(row), row, other(slot))
    for neighbour in PLAN.rows:
        if neighbour.resource == row.resource and neighbour != row:
            assert says_same(value_in(corrected, neighbour), neighbour), neighbour.kind


@each
@pytest.mark.parametrize(
    "status", [ReviewStatus.CONFIRMED, ReviewStatus.REFUTED, ReviewStatus.ENTERED_IN_ERROR]
)
def test_a_verdict_is_read_back_from_the_resource(slot, status):
    row = ROWS[slot]
    after = reviewed(resource_of(row), row, status, None, GREY, RECORDED)
    read = read_edit(after, row).status
    if row.kind in {Kind.TUMOR_SITE, Kind.TUMOR_LATERALITY}:
        wrong = status is not ReviewStatus.CONFIRMED
        assert read is (ReviewStatus.REFUTED if wrong else ReviewStatus.UNREVIEWED)
    else:
        assert read is status


def test_a_refuted_side_leaves_the_site():
    row = ROWS[Kind.TUMOR_LATERALITY, None]
    after = without_location(clean(resource_of(row)), Kind.TUMOR_LATERALITY)
    assert value_in(after, row) is None
    assert value_in(after, ROWS[Kind.TUMOR_SITE, None]).value == "breast"


def test_a_size_in_another_unit_is_the_same_size():
    row = ROWS[Kind.TUMOR_SIZE, None]
    resource = resource_of(row)
    quantity = {"value": 2.3, "unit": "cm", "code": "cm", "system": "http://unitsofmeasure.org"}
    first, *rest = resource["component"]
    same = resource | {"component": [first | {"valueQuantity": quantity}, *rest]}
    assert says_same(value_in(same, row), row)


def test_a_code_of_another_terminology_beside_the_known_one_is_no_correction_when_it_is_missing():
    row = ROWS[Kind.HORMONE_RECEPTOR, "ER"]
    resource = resource_of(row)
    concept = resource["valueCodeableConcept"]
    only_one = resource | {"valueCodeableConcept": concept | {"coding": concept["coding"][:1]}}
    assert read_edit(only_one, row).status is ReviewStatus.UNREVIEWED


@pytest.mark.parametrize("kind", [k for k in Kind if k is not Kind.TUMOR_SIZE])
def test_every_choice_is_a_value_of_its_phenotype(kind):
    for choice in choices(kind)[:400]:
        read = read_value(kind, choice.slot, choice.value)
        assert read is not None, choice


@given(longest=st.integers(1, 600), other_side=st.integers(1, 600))
def test_any_size_that_is_written_is_read_back(longest, other_side):
    row = ROWS[Kind.TUMOR_SIZE, None]
    value = read_value(Kind.TUMOR_SIZE, None, f"{longest} x {other_side} mm")
    read = value_in(with_value(resource_of(row), row, value), row)
    assert read == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(value=JSON, element=st.sampled_from(["valueCodeableConcept", "component", "code", "status"]))
def test_elements_of_any_form_give_a_result(value, element):
    from oncofhir.fhir.review.edits import Author
    from oncofhir.fhir.review.unread import review_after_edit

    row = ROWS[Kind.HORMONE_RECEPTOR, "ER"]
    edited = resource_of(row) | {element: value}
    author = Author(reviewer="Practitioner/1", at=RECORDED)
    review_after_edit(edited, row, None, author, text_hash=None)
