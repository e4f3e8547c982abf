"""References between entries of a Bundle, with and without ids."""

from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.bundle_references import literal_bundle, with_literal_references

URN = "urn:uuid:0b7d5c3e-1111-4222-8333-9999aaaabbbb"
IDENT = URN.removeprefix("urn:uuid:")


def test_entries_with_an_id_are_named_by_it():
    patient = {"resourceType": "Patient", "id": "p1"}
    report = {
        "resourceType": "DiagnosticReport",
        "subject": {"reference": URN},
        "x": [{"url": URN}, URN],
    }
    assert with_literal_references([(URN, patient), (None, report)]) == [
        patient,
        {
            "resourceType": "DiagnosticReport",
            "subject": {"reference": "Patient/p1"},
            "x": [{"url": "Patient/p1"}, URN],
        },
    ]


def test_what_is_only_read_gets_the_id_of_its_name():
    for kind in ("Binary", "Observation"):
        report = {"resourceType": "DiagnosticReport", "id": "r", "result": [{"reference": URN}]}
        named, changed = with_literal_references(
            [(URN, {"resourceType": kind}), ("urn:uuid:x", report)]
        )
        assert named == {"resourceType": kind, "id": IDENT}
        assert changed["result"] == [{"reference": f"{kind}/{IDENT}"}]


def test_nothing_that_is_written_gets_an_id_that_no_server_knows():
    for kind in ("Patient", "Specimen", "Encounter", "DiagnosticReport"):
        report = {"resourceType": "DiagnosticReport", "subject": {"reference": URN}}
        assert with_literal_references([(URN, {"resourceType": kind}), (None, report)]) == [
            {"resourceType": kind},
            report,
        ]


def test_an_address_names_a_resource_without_an_id():
    url = "https://ehr.example.org/fhir/Specimen/s7"
    assert with_literal_references([(url, {"resourceType": "Specimen"})]) == [
        {"resourceType": "Specimen", "id": "s7"}
    ]
    other = {"resourceType": "Patient"}
    assert with_literal_references([(url, other), ("https://x/", other), (url, None)]) == [
        other,
        other,
        None,
    ]


def test_a_bundle_keeps_what_else_it_holds():
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": URN, "resource": {"resourceType": "Binary"}, "request": {}},
            None,
            {"fullUrl": 1},
            "x",
        ],
    }
    literal = literal_bundle(bundle)
    assert literal["type"] == "collection"
    assert literal["entry"][0] == {
        "fullUrl": URN,
        "resource": {"resourceType": "Binary", "id": IDENT},
        "request": {},
    }
    assert literal["entry"][1:] == bundle["entry"][1:]
    assert literal_bundle({"entry": "x"}) == {"entry": "x"}


JSON = st.recursive(
    st.none() | st.text(max_size=3) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["reference", "url", "a"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON)
def test_what_names_no_sibling_stays(element):
    resource = {"resourceType": "Basic", "id": "1", "x": element}
    assert with_literal_references([("urn:uuid:no-such", resource)]) == [resource]
