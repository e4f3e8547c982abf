from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from oncofhir.consumers.kafka.records import Coordinates
from oncofhir.demo.accounting import Account, Published
from oncofhir.demo.reports import broken_record, demo_patients, demo_reports
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus


def outcome(source: str, status: OutcomeStatus = OutcomeStatus.FOUND) -> OutcomeRow:
    return OutcomeRow(
        document=source,
        revision=1,
        status=status,
        source=source,
        software="1",
        recorded=datetime.now(UTC),
    )


def at(offset: int) -> Coordinates:
    return Coordinates("t", 0, offset)


def test_a_report_is_lost_until_its_outcome_arrives():
    account = Account((Published(coordinates=at(0)), Published(coordinates=at(1), reports=2)))
    assert account.lost == 3
    account.outcome(at(0), outcome("a"))
    account.outcome(at(0), outcome("a"))
    account.outcome(at(1), outcome("b", OutcomeStatus.SKIPPED))
    assert account.lost == 1
    account.dead_letter(at(1), "not-json")
    assert account.lost == 0
    assert account.counts() == {"processed": 1, "skipped": 0, "dead_lettered": 2}


def test_what_was_not_published_here_counts_nothing():
    account = Account((Published(coordinates=at(0)),))
    account.outcome(at(9), outcome("z"))
    account.dead_letter(at(9), "x")
    assert (account.accounted, account.lost) == (0, 1)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans())))
def test_fates_always_add_up(arrivals):
    account = Account(tuple(Published(coordinates=at(n), reports=1 + n % 3) for n in range(4)))
    for offset, name, dead in arrivals:
        if dead:
            account.dead_letter(at(offset), "x")
        else:
            account.outcome(at(offset), outcome(str(name)))
    assert sum(account.counts().values()) == account.accounted
    assert account.accounted + account.lost == account.reports


def test_the_demo_shows_what_the_readme_says():
    reports = demo_reports()
    assert len(reports) >= 20
    assert {r.resource for r in reports} == {"DiagnosticReport", "DocumentReference"}
    assert {r.content_type for r in reports} == {"text/plain", "text/html"}
    assert [r.status for r in reports].count("amended") == 1
    assert {r.patient for r in reports} == {p["id"] for p in demo_patients()}
    assert broken_record().startswith(b'{"resourceType"')
