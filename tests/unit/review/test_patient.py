"""Whose report it is, as far as the Patient resource says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.review.reports.patient import patient_view
from oncofhir.schemas.review import PatientView

MR = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"name": [{"family": "Okoye", "given": ["Ada", "N."]}]}, PatientView(name="Ada N. Okoye")),
        (
            {
                "name": [
                    {"use": "nickname", "text": "Addie"},
                    {"use": "official", "text": "Ada Okoye"},
                ]
            },
            PatientView(name="Ada Okoye"),
        ),
        ({"birthDate": "1951-03"}, PatientView(born="1951-03")),
        (
            {"identifier": [{"value": "SSN"}, {"type": MR, "value": " 0815 "}]},
            PatientView(record_number="0815"),
        ),
        ({"name": [{"family": " "}], "identifier": [{"value": "SSN"}]}, None),
        ({}, None),
    ],
)
def test_name_birth_date_and_record_number(resource, expected):
    assert patient_view(resource) == expected


@given(st.fixed_dictionaries({}, optional={"name": JSON, "birthDate": JSON, "identifier": JSON}))
def test_elements_of_other_forms_are_passed_over(resource):
    found = patient_view(resource)
    assert found is None or isinstance(found, PatientView)
