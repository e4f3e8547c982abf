"""What stands between a model's answers and the record: perfect answers get through, wrong ones do not.

Both are made from the cases of `tests/data/reading` (`tests/reading_answers.py`); the limits are in `thresholds.toml` there.
"""

import pytest

from oncofhir.evaluation.scoring.case_scores import score_case, totals
from oncofhir.inference.interpretation.interpret import interpret
from oncofhir.schemas.finding import Basis, Finding, Kind
from tests.reading_answers import answers_of, perfect, words_of, wrong
from tests.reading_cases import FILES, HELD_OUT, cases_of, report_of, thresholds

CASES = [(file, case) for file in FILES for case in cases_of(file)]
# Kinds of which a confused value is wrong even where no pattern of the case forbids it.
CONFUSED = {Kind.TUMOR_LATERALITY, Kind.HORMONE_RECEPTOR, Kind.CANCER_STAGE}


def test_perfect_answers_are_written():
    scored = [
        score_case(case, interpret(report_of(case), answers_of(perfect(case)))[0])
        for _, case in CASES
    ]
    counted = totals(scored)
    shown = {
        score.case: [(str(fact.kind), fact.pattern) for fact in score.missing]
        for (file, _), score in zip(CASES, scored, strict=True)
        if score.missing and not file.startswith(HELD_OUT)
    }
    assert counted.recall >= thresholds()["perfect-answers"]["written"], (counted.recall, shown)


def is_wrong(case, kind: Kind, one: Finding) -> bool:
    if one.kind is not kind or one.basis is not Basis.STATED:
        return False
    if any(fact.matches(one) for fact in case.forbidden):
        return True
    known = (*case.expected, *case.acceptable)
    return kind in CONFUSED and not any(fact.matches(one) for fact in known)


@pytest.mark.scenario
def test_plausible_wrong_answers_are_not_written_as_stated():
    asked, written = 0, {}
    for file, case in CASES:
        for kind, text, why in wrong(case):
            asked += 1
            findings, _ = interpret(report_of(case), answers_of({kind: [text]}))
            values = [one.value for one in findings if is_wrong(case, kind, one)]
            if values:
                name = file if file.startswith(HELD_OUT) else case.id
                written.setdefault(name, []).append((str(kind), text, why))
    assert asked > 2000
    limit = thresholds()["wrong-answers"]["written_per_100"]
    counted = 100 * sum(len(answers) for answers in written.values()) / asked
    shown = {name: said for name, said in written.items() if not name.startswith(HELD_OUT)}
    assert counted <= limit, (counted, shown)


def test_every_case_has_wrong_answers_to_withstand():
    without = [case.id for _, case in CASES if not list(wrong(case))]
    assert not without


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("^22 mm", ["22 mm"]),
        ("situ|dcis", ["situ", "dcis"]),
        (r"4\+3=7", ["4+3=7"]),
        ("^iva?$", ["iv", "iva"]),
        ("^(?!.*metasta).*bone", ["bone"]),
        ("^(low|2)$", ["low"]),
        ("c[ae]*cum", ["cacum"]),
        (r"non-?\s?small", ["non small"]),
    ],
)
def test_the_words_of_a_pattern(pattern, words):
    assert words_of(pattern)[: len(words)] == words
