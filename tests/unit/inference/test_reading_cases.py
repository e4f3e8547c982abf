"""Reports whose facts are known: the rules and interpretation find them, and nothing that is wrong.

The thresholds are those of `tests/data/reading/thresholds.toml`; they only get stricter. Files that begin with `held_out_` are
not looked at while reading is mended: of them a failure shows the figures alone.
"""

import re

import pytest

from oncofhir.evaluation.scoring.case_scores import CaseScore, score_case, totals
from oncofhir.inference.interpretation.interpret import interpret
from tests.reading_cases import FILES, HELD_OUT, answers_of_rules, cases_of, report_of, thresholds


def scores(file: str) -> list[CaseScore]:
    cases = cases_of(file)
    return [
        score_case(case, interpret(report_of(case), answers)[0])
        for case, answers in zip(cases, answers_of_rules(cases), strict=True)
    ]


def shown(file: str, scored: list[CaseScore]) -> str:
    """What failed, by case; of a file that is held out nothing but the totals."""
    lines = [str(totals(scored).model_dump())]
    for score in scored if not file.startswith(HELD_OUT) else ():
        if score.missing or score.wrong or score.wrong_codes:
            lines.append(score.case)
            lines += [f"  missing {fact.kind} {fact.pattern}" for fact in score.missing]
            lines += [f"  wrong {one.kind} {one.value}: {why}" for one, why in score.wrong]
            lines += [f"  wrong code {code}" for code in score.wrong_codes]
    return "\n".join(lines)


@pytest.mark.parametrize("file", FILES)
def test_the_facts_of_each_file_are_found_and_nothing_forbidden(file):
    scored = scores(file)
    counted, limits = totals(scored), thresholds()[file]
    wrong = counted.wrong + counted.wrong_codes
    assert counted.right >= limits["right"], shown(file, scored)
    assert wrong <= limits["wrong"], shown(file, scored)


def test_no_more_diagnoses_of_clinic_notes_are_wrong_than_allowed():
    scored = [score for file in FILES if "notes_" in file for score in scores(file)]
    counted = totals(scored)
    wrong = {s.case: [d.value for d in s.unexpected] for s in scored if s.unexpected}
    limits = thresholds()["clinic-notes"]
    assert counted.wrong_per_100_diagnoses <= limits["wrong_per_100_diagnoses"], wrong


def test_the_cases_are_many_and_a_part_of_them_is_held_out():
    by_file = {file: cases_of(file) for file in FILES}
    ids = [case.id for cases in by_file.values() for case in cases]
    assert len(ids) == len(set(ids))
    reports = {f: len(c) for f, c in by_file.items() if "notes_" not in f}
    notes = sum(len(c) for f, c in by_file.items() if "notes_" in f)
    assert sum(reports.values()) >= 300
    assert notes >= 60
    held_out = sum(n for f, n in reports.items() if f.startswith(HELD_OUT))
    assert held_out >= sum(reports.values()) / 3
    assert set(thresholds()) == {*FILES, "clinic-notes", "perfect-answers", "wrong-answers"}


@pytest.mark.parametrize("file", FILES)
def test_a_case_does_not_forbid_what_it_expects(file):
    """Each expected pattern has a value, in words, that no forbidden pattern of the case matches."""
    for case in cases_of(file):
        for fact in case.expected:
            literal = re.sub(r"[\^$\\]", "", fact.pattern.split("|")[0])
            same = [f for f in case.forbidden if f.kind is fact.kind and f.slot in {fact.slot, "*"}]
            if re.fullmatch(r"[\w +=-]+", literal):
                assert not any(re.search(f.pattern, literal) for f in same), (case.id, literal)
