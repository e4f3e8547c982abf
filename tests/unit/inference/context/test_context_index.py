"""Context, on the kinds of examples that NegEx and ConText were published with."""

import pytest

from oncofhir.inference.context import ContextIndex
from oncofhir.inference.context.trigger_data import triggers
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
        ("Maybe carcinoma of the right kidney", Rejection.UNCERTAIN),
        ("I think perhaps it is carcinoma", Rejection.UNCERTAIN),
        ("Findings suggest carcinoma", Rejection.UNCERTAIN),
        ("Could well be carcinoma", Rejection.UNCERTAIN),
        ("Lung: carcinoma, perhaps.", Rejection.UNCERTAIN),
        ("carcinoma possible", Rejection.UNCERTAIN),
        ("carcinoma, perhaps with nodal spread", None),
        ("carcinoma, possible axillary involvement", None),
        ("carcinoma, nodal spread possible", None),
        ("carcinoma. Maybe start letrozole", None),
        ("carcinoma vs metastatic disease", Rejection.UNCERTAIN),
        ("carcinoma vs. diverticular mass", Rejection.UNCERTAIN),
        ("carcinoma of the lung versus granuloma", Rejection.UNCERTAIN),
        ("lymphoma vs GIST vs carcinoma", Rejection.UNCERTAIN),
        ("carcinoma with scar vs granuloma at the base", None),
        ("carcinoma, left lung nodule: scar vs granuloma", None),
        ("Discussed surgery vs radiation for carcinoma", None),
        ("carcinoma: surgery vs. radiation", None),
        ("carcinoma or granuloma", Rejection.UNCERTAIN),
        ("granuloma or carcinoma", Rejection.UNCERTAIN),
        ("no lymphoma or carcinoma", Rejection.NEGATED),
        ("carcinoma with or without infection", None),
        ("carcinoma or rectal carcinoma", None),
        ("carcinoma or squamous carcinoma", Rejection.UNCERTAIN),
        ("carcinoma; treat with surgery or radiation", None),
        ("carcinoma until proven otherwise", Rejection.UNCERTAIN),
        ("I wonder about carcinoma", Rejection.UNCERTAIN),
        ("cannot be sure it is carcinoma", Rejection.UNCERTAIN),
        ("suspicious of carcinoma", Rejection.UNCERTAIN),
        ("low probability of carcinoma", Rejection.UNCERTAIN),
        ("carcinoma is less likely", Rejection.UNCERTAIN),
    ],
)
def test_assertions(text, expected):
    start = text.index("carcinoma")
    context = ContextIndex(text, lambda _: None).of(start, start + len("carcinoma"))
    assert context.rejection is expected


FORWARD = [(w, c) for w, t in sorted(triggers().items()) for c in t.before]
BACKWARD = [(w, c) for w, t in sorted(triggers().items()) for c in t.after]
REASONS = {
    "negated": {Rejection.NEGATED},
    "uncertain": {Rejection.UNCERTAIN},
    "queried": {Rejection.HYPOTHETICAL},
    "hypothetical": {Rejection.HYPOTHETICAL},
    "pending": {Rejection.HYPOTHETICAL},
    "earlier": {Rejection.HISTORICAL},
    "superseded": {Rejection.HISTORICAL},
    "family": {Rejection.FAMILY},
    "other": {Rejection.HYPOTHETICAL},
}
ANY = set().union(*REASONS.values())


def rejection_of(text):
    start = text.index("carcinoma")
    return ContextIndex(text, lambda _: None).of(start, start + len("carcinoma")).rejection


@pytest.mark.parametrize(("words", "cause"), FORWARD, ids=str)
def test_each_forward_trigger_colours_what_follows_it(words, cause):
    # a word may have two causes ("prior biopsy" holds "prior"): the stronger one counts
    assert rejection_of(f"There is {words} carcinoma here") in ANY


@pytest.mark.parametrize(("words", "cause"), BACKWARD, ids=str)
def test_each_backward_trigger_colours_what_precedes_it(words, cause):
    between = "" if words.startswith(":") else " "
    assert rejection_of(f"The carcinoma{between}{words}") in ANY


@pytest.mark.parametrize("words", [w for w, t in sorted(triggers().items()) if t.at_end])
def test_each_trigger_of_a_clause_s_end_colours_what_precedes_it_there_only(words):
    assert rejection_of(f"The carcinoma, {words}.") is Rejection.UNCERTAIN
    assert rejection_of(f"The carcinoma, {words} with spread to nodes.") is None


def test_a_value_is_negated_only_from_close_by():
    text = "No lymphovascular or perineural invasion seen pT2"
    start = text.index("pT2")
    index = ContextIndex(text, lambda _: None)
    assert index.of(start, start + 3, is_value=True).rejection is None
    assert index.of(3, 10, is_value=True).rejection is Rejection.NEGATED


@pytest.mark.parametrize("text", ["pT2 disease excluded", "unlikely to be pT2", "pT2 vs pT3"])
def test_a_value_is_hedged_or_denied_with_its_disease(text):
    start = text.index("pT2")
    assert ContextIndex(text, lambda _: None).of(start, start + 3, is_value=True).rejection
