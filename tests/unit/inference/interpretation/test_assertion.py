"""Assertion, on the kinds of examples that NegEx and ConText were published with."""

import pytest

from oncofhir.inference.interpretation.assertion import assertion
from oncofhir.schemas.finding import Rejection


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The patient has carcinoma", None),
        ("No evidence of carcinoma", Rejection.NEGATED),
        ("Negative for carcinoma", Rejection.NEGATED),
        ("There is no carcinoma", Rejection.NEGATED),
        ("The patient denies any history but not carcinoma", Rejection.NEGATED),
        ("carcinoma is not identified", Rejection.NEGATED),
        ("carcinoma was ruled out", Rejection.NEGATED),
        ("Suspicious for carcinoma", Rejection.UNCERTAIN),
        ("cannot rule out carcinoma", Rejection.UNCERTAIN),
        ("carcinoma cannot be excluded", Rejection.UNCERTAIN),
        ("Biopsy to rule out carcinoma", Rejection.HYPOTHETICAL),
        ("risk of carcinoma", Rejection.HYPOTHETICAL),
        ("history of carcinoma", Rejection.HISTORICAL),
        ("status post resection of carcinoma", Rejection.HISTORICAL),
        ("Mother with carcinoma", Rejection.FAMILY),
        ("family history of carcinoma", Rejection.FAMILY),
        ("No lymph node involvement. Invasive carcinoma is present", None),
        ("Margins negative; carcinoma of the breast", None),
        ("No dysplasia, but carcinoma is present", None),
        ("Notable carcinoma", None),
        ("History of case: recently diagnosed carcinoma", None),
    ],
)
def test_assertions(text, expected):
    start = text.index("carcinoma")
    assert assertion(text, start, start + len("carcinoma")) is expected


def test_a_receptor_s_negative_is_a_value():
    text = "ER is not positive"
    ignore = frozenset({Rejection.NEGATED})
    assert assertion(text, 0, 2, ignore=ignore) is None
