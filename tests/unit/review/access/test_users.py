import pytest

from oncofhir.review.access.users import Role, local_user, role_of, user_of
from oncofhir.settings import ReviewSettings

SETTINGS = ReviewSettings()
ISSUER = "https://login.example.org"


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        (["oncofhir-reviewer"], Role.REVIEWER),
        (["oncofhir-auditor", "oncofhir-reviewer"], Role.REVIEWER),
        (["oncofhir-reviewer", "oncofhir-lead"], Role.LEAD),
        ("oncofhir-auditor other", Role.AUDITOR),
        (["admin"], None),
        ([["oncofhir-lead"]], None),
        ({"oncofhir-lead": True}, None),
        (None, None),
    ],
)
def test_the_claim_gives_the_role(roles, role):
    assert role_of({"roles": roles}, SETTINGS) is role


def test_a_dot_enters_an_object():
    settings = ReviewSettings(role_claim="realm_access.roles")
    assert role_of({"realm_access": {"roles": ["oncofhir-lead"]}}, settings) is Role.LEAD
    assert role_of({"realm_access": "oncofhir-lead"}, settings) is None


def test_a_user_without_a_role_or_subject_is_none():
    assert user_of({"sub": "1"}, ISSUER, SETTINGS) is None
    assert user_of({"roles": ["oncofhir-lead"]}, ISSUER, SETTINGS) is None
    assert user_of({"sub": "1"}, ISSUER, SETTINGS, Role.REVIEWER).role is Role.REVIEWER


def test_a_user_has_the_first_name_that_the_claims_have():
    claims = {"sub": "1", "name": " ", "preferred_username": "rmayer", "roles": "oncofhir-lead"}
    assert user_of(claims, ISSUER, SETTINGS).name == "rmayer"


def test_only_an_auditor_may_not_decide():
    assert [role for role in Role if not role.may_decide] == [Role.AUDITOR]
    assert local_user(SETTINGS).role.may_decide
