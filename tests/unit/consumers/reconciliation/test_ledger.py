"""The ledger: nothing that is unaccounted for escapes it, and nothing else is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.consumers.kafka.records import Coordinates
from oncofhir.consumers.reconciliation.ledger import Ledger, Problem
from oncofhir.fhir.source_version import SourceVersion

HOUR = 3_600_000
NOW = 100 * HOUR


def at(offset, partition=0):
    return Coordinates("reports", partition, offset)


def listed(ledger, committed=0, late=HOUR):
    found = ledger.discrepancies({("reports", 0): committed}, NOW, late)
    return [(x.problem, x.offset) for x in found]


@pytest.fixture
def ledger():
    made = Ledger()
    for offset in range(3):
        made.record(at(offset), NOW - HOUR // 2, [f"DiagnosticReport/{offset}"])
    return made


def test_a_record_with_an_outcome_or_a_dead_letter_is_accounted_for(ledger):
    ledger.outcome(at(0), "DiagnosticReport/0", "1")
    ledger.dead_letter(at(1))
    ledger.outcome(at(2), "DiagnosticReport/2", None)
    assert listed(ledger, committed=3) == []
    assert ledger.counts["accounted"] == 3


def test_what_was_committed_and_is_nowhere_is_missing(ledger):
    ledger.outcome(at(0), "DiagnosticReport/0", "1")
    assert listed(ledger, committed=2) == [(Problem.MISSING, 1)]
    assert ledger.counts["pending"] == 1


def test_what_waits_too_long_is_late_and_what_waits_is_not(ledger):
    assert listed(ledger, late=HOUR) == []
    assert listed(ledger, late=HOUR // 4) == [(Problem.OVERDUE, n) for n in range(3)]


def test_every_report_of_a_record_needs_an_outcome_of_its_own():
    ledger = Ledger()
    ledger.record(at(0), NOW, ["DiagnosticReport/a", "DiagnosticReport/b"])
    ledger.outcome(at(0), "DiagnosticReport/a", "1")
    ledger.outcome(at(0), "DiagnosticReport/a", "1")
    ledger.outcome(at(0), "DiagnosticReport/of-another-record", "1")
    assert listed(ledger, committed=1) == [(Problem.MISSING, 0)]
    ledger.outcome(at(0), "DiagnosticReport/b", "1")
    assert listed(ledger, committed=1) == []


def test_what_compaction_left_of_a_document_accounts_for_its_older_versions():
    ledger = Ledger()
    for offset in range(3):
        ledger.record(at(offset), NOW, ["DiagnosticReport/a"])
    ledger.record(at(3), NOW, ["DiagnosticReport/a", "DiagnosticReport/b"])
    ledger.outcome(at(1), "DiagnosticReport/a", "2")
    assert listed(ledger, committed=3) == [(Problem.MISSING, 2)]
    assert ledger.counts["compacted"] == 1
    ledger.outcome(at(3), "DiagnosticReport/a", "4")
    assert listed(ledger, committed=4) == [(Problem.MISSING, 3)], "nothing says a word of b"


def test_what_waits_in_one_partition_is_not_overtaken_by_another():
    ledger = Ledger()
    ledger.record(at(0), 0, ["DiagnosticReport/a"])
    ledger.record(at(0, partition=1), NOW, ["DiagnosticReport/a"])
    ledger.outcome(at(0, partition=1), "DiagnosticReport/a", "2")
    assert listed(ledger) == [(Problem.OVERDUE, 0)]


def test_a_head_of_an_older_version_than_one_dealt_with_is_left_behind(ledger):
    name, old, new = "DiagnosticReport/0", SourceVersion(version="1"), SourceVersion(version="2")
    ledger.event(name, old, at(0))
    ledger.event(name, new, at(1))
    ledger.outcome(at(0), name, "1")
    assert ledger.head(name, old, (name, "1")) is None, "the newer one is still being worked on"
    ledger.outcome(at(1), "DiagnosticReport/1", "2")
    assert ledger.head(name, old, (name, "1")) is Problem.STORE_BEHIND
    assert ledger.head(name, new, (name, "1")) is None


def test_a_head_whose_outcome_is_in_no_topic_is_unpublished(ledger):
    name = "DiagnosticReport/0"
    assert ledger.head(name, SourceVersion(version="1"), (name, "1")) is Problem.UNPUBLISHED


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans())), st.integers(0, 21))
def test_what_is_listed_and_what_is_accounted_for_are_all_there_is(seen, committed):
    ledger = Ledger()
    for offset in range(21):
        ledger.record(at(offset), NOW, [f"DiagnosticReport/{offset}"])
    for offset, is_letter in seen:
        if is_letter:
            ledger.dead_letter(at(offset))
        else:
            ledger.outcome(at(offset), f"DiagnosticReport/{offset}", "1")
    missing = {n for n in range(committed) if n not in dict(seen)}
    assert {offset for _, offset in listed(ledger, committed)} == missing
    assert ledger.counts["accounted"] + ledger.counts["pending"] + len(missing) == 21


@pytest.mark.parametrize(
    ("stored", "announced", "problem"),
    [
        (("1", "2026-01-01T00:00:00Z"), ("1", "2026-01-01T09:00:00Z"), None),
        (("1", "2026-01-01T00:00:00Z"), ("2", "2026-01-01T09:00:00Z"), Problem.STORE_BEHIND),
        (("2", "2026-01-01T09:00:00Z"), ("1", "2026-01-01T00:00:00Z"), None),
        ((None, "2026-01-01T00:00:00Z"), (None, "2026-01-01T09:00:00Z"), Problem.STORE_BEHIND),
    ],
)
def test_a_store_with_a_last_update_of_its_own_for_the_same_version_is_not_behind(
    ledger, stored, announced, problem
):
    of = lambda pair: SourceVersion(version=pair[0], last_updated=pair[1], status="final")  # noqa: E731
    ledger.event("DiagnosticReport/0", of(announced), at(0))
    ledger.outcome(at(0), "DiagnosticReport/0", announced[0])
    said = ("DiagnosticReport/0", announced[0])
    assert ledger.head("DiagnosticReport/0", of(stored), said) is problem
