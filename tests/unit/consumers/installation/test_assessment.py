"""What an installation's state is called, and what is to be done about it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.consumers.installation.assessment import assess
from oncofhir.consumers.installation.topic_view import TopicView
from oncofhir.consumers.installation.worker_view import WorkerView, _samples

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DOCS = Path(__file__).parents[4]
WELL = TopicView(
    lag={"live": 0}, outcomes={"found": 90, "skipped": 10}, last_outcome=NOW - timedelta(seconds=9)
)


def worker(*samples, ready=True, live=True, problem=None, **body):
    known = [("oncofhir_build_info", {"version": "1.2.3"}, 1.0), *samples]
    return WorkerView("http://w:8080", problem, live, ready, {"ok": ready, **body}, tuple(known))


def breaker(dependency, value):
    return ("oncofhir_circuit_breaker_open", {"dependency": dependency}, value)


def test_an_installation_that_is_well():
    found = assess([worker(breaker("model", 0.0))], WELL, NOW)
    assert (found.well, found.reached, found.problems) == (True, True, ())
    assert found.facts["workers"] == "1 of 1 ready, version 1.2.3"
    assert found.facts["last outcome"] == "9 seconds ago"
    assert len(found.facts) <= 10


EXPIRES = NOW.timestamp() + 5 * 86_400


@pytest.mark.parametrize(
    ("workers", "topics", "page"),
    [
        ([worker(problem="connection refused")], WELL, "no-worker"),
        ([worker(live=False, ready=True)], WELL, "no-worker"),
        ([worker(ready=False)], WELL, "worker-not-ready"),
        ([worker(ready=False, settings="cannot read /token")], WELL, "worker-not-ready"),
        ([worker(ready=False, halted_reason="store-access-denied")], WELL, "worker-not-ready"),
        ([worker(breaker("model", 1.0), ready=False, unavailable=["model"])], WELL, "model-down"),
        ([worker(breaker("store", 0.5), ready=False, unavailable=["store"])], WELL, "store-down"),
        ([worker(breaker("broker", 1.0), ready=False, unavailable=["b"])], WELL, "broker-down"),
        ([worker()], TopicView("broker-unreachable at kafka:9092"), "broker-down"),
        ([worker()], TopicView(missing=("oncology.outcomes",)), "broker-down"),
        (
            [worker()],
            TopicView(
                letters={"not-json": 3, "no-text": 30},
                outcomes={"found": 60, "dead-lettered": 33},
                last_outcome=NOW,
            ),
            "dead-letters",
        ),
        ([worker()], TopicView(lag={"live": 5}), "reports-not-written"),
        (
            [worker(("oncofhir_backlog_age_seconds", {"priority": "live"}, 7200.0))],
            WELL,
            "backlog-grows-old",
        ),
        (
            [worker(("oncofhir_records_removed_total", {"topic": "live"}, 7.0))],
            WELL,
            "records-removed",
        ),
        (
            [
                worker(
                    (
                        "oncofhir_credential_expiry_timestamp_seconds",
                        {"setting": "fhir.cert_file", "kind": "certificate"},
                        EXPIRES,
                    )
                )
            ],
            WELL,
            "credential-expires",
        ),
    ],
)
def test_each_problem_has_a_remedy_and_a_page_that_exists(workers, topics, page):
    found = assess(workers, topics, NOW)
    assert not found.well
    (problem,) = found.problems
    assert problem.page == f"docs/how-to/{page}.md"
    assert (DOCS / problem.page).is_file()
    assert problem.remedy


@pytest.mark.parametrize(
    ("workers", "topics"),
    [
        # few dead letters among many, an old backfill, an hourly token
        ([worker()], TopicView(letters={"a": 1}, outcomes={"found": 99, "dead-lettered": 1})),
        ([worker(("oncofhir_backlog_age_seconds", {"priority": "backfill"}, 1e6))], WELL),
        (
            [
                worker(
                    (
                        "oncofhir_credential_expiry_timestamp_seconds",
                        {"setting": "fhir.token_file", "kind": "token"},
                        NOW.timestamp() + 600,
                    )
                )
            ],
            WELL,
        ),
        # nothing was ever published
        ([worker()], TopicView(lag={"live": 0})),
    ],
)
def test_what_is_no_problem(workers, topics):
    assert assess(workers, topics, NOW).problems == ()


def test_nothing_was_reached():
    found = assess([worker(problem="no answer")], TopicView("broker-unreachable at k"), NOW)
    assert not found.reached


def test_a_dependency_that_was_asked_directly():
    asked = {"store": None, "model": "model-unreachable, http://m"}
    found = assess([worker(ready=False)], WELL, NOW, asked)
    assert found.facts["FHIR server"] == "available"
    assert found.facts["model server"] == "unavailable: model-unreachable, http://m"
    assert [p.page for p in found.problems][-1] == "docs/how-to/model-down.md"


@given(st.text() | st.from_regex(r"[a-z_]+(\{[a-z]+=\"[^\n]{0,5}\"?\}?)? ?[0-9.eNaIf+-]*\n?"))
def test_metrics_that_were_cut_off_are_read_or_left_out(text):
    assert isinstance(_samples(text), tuple)
