"""Reviewers are named as people, not by the identifiers that rows have."""

import pytest

from oncofhir.review.access.users import Role, User, local_user
from oncofhir.review.web.report_page import reviewer_name
from oncofhir.review.web.verdict_forms import reviewer_of
from oncofhir.settings import ReviewSettings

ANNE = User(issuer="https://idp.example.org", subject="8f3c", name="Anne Weber", role=Role.LEAD)
LOCAL = local_user(ReviewSettings())


@pytest.mark.parametrize("user", [ANNE, LOCAL, ANNE.model_copy(update={"reference": "P/1"})])
def test_their_own_word_is_yours(user):
    assert reviewer_name(reviewer_of(user).key, user.name, user) == "you"


@pytest.mark.parametrize(
    ("reviewer", "display", "shown"),
    [
        ("https://idp.example.org|77aa", "Ben Okoye", "Ben Okoye"),
        ("Practitioner/7", "Dr Grey", "Dr Grey"),
        ("Practitioner/7", None, "Practitioner/7"),
        ("urn:oncofhir:local-reviewer|Local reviewer", None, "Local reviewer"),
        ("urn:oncofhir:local-reviewer|Local reviewer", "Local reviewer", "Local reviewer"),
        (None, None, "somebody whom the store does not name"),
    ],
)
def test_others_are_named_as_far_as_the_store_does(reviewer, display, shown):
    assert reviewer_name(reviewer, display, ANNE) == shown
