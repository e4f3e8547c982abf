from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.source_version import SourceVersion
from oncofhir.fhir.store.decision import Decision, decide
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SYSTEMS = IdentifierSystems(prefix="https://test.example/sid")
SOURCE = SourceReference(type="DiagnosticReport", id="1", version="2")


def at(version: str | None = "2", minutes: int | None = 0, status: str = "final") -> SourceVersion:
    updated = None if minutes is None else NOW + timedelta(minutes=minutes)
    return SourceVersion(version=version, last_updated=updated, status=status)


def head(version: SourceVersion | None = None) -> Head:
    return Head(
        id="t1",
        version_id="3",
        document="d",
        contents=("d",),
        subject="Patient/1",
        sources=("k",),
        source=SOURCE,
        version=version or at(),
        run="run-1",
        revision=1,
        resources={},
        rows=(),
        outcome=OutcomeRow(
            document="d",
            revision=1,
            status=OutcomeStatus.NOTHING_FOUND,
            source=str(SOURCE.unversioned),
            software="1",
            recorded=NOW,
        ),
    )


@pytest.mark.parametrize(
    ("version", "run", "decision"),
    [
        (at(), "run-1", Decision.UNCHANGED),
        (at(), "run-2", Decision.UPDATE),
        (at("3", 5), "run-2", Decision.UPDATE),
        (at("1", -5), "run-2", Decision.STALE),
        (at("1", -5), "run-1", Decision.STALE),
        (at(None, None, "amended"), "run-2", Decision.UPDATE),
        (at(None, None, "preliminary"), "run-2", Decision.STALE),
        (at("1", None), "run-2", Decision.STALE),
    ],
)
def test_decisions(version, run, decision):
    assert decide(head(), SOURCE, version, run) is decision


def test_no_head_is_first_and_another_resource_is_an_alias():
    assert decide(None, SOURCE, at(), "r") is Decision.NEW
    other = SourceReference(type="DocumentReference", id="9")
    assert decide(head(), other, at(), "r") is Decision.ALIAS


versions = st.builds(
    at,
    st.none() | st.integers(0, 20).map(str),
    st.none() | st.integers(-5, 5),
    st.sampled_from(["preliminary", "final", "amended", "entered-in-error", "strange"]),
)


@given(versions, versions)
def test_of_two_versions_at_most_one_is_older(one, other):
    assert not (one.older_than(other) and other.older_than(one))


def test_what_a_server_adds_is_no_edit_and_what_a_person_changes_is():
    ours = {
        "resourceType": "Observation",
        "id": "1",
        "status": "preliminary",
        "code": {"coding": [{"system": "s", "code": "c", "display": "d"}]},
        "component": [{"valueQuantity": {"value": 23}}],
        "subject": {"reference": "Patient/1"},
    }
    stored = ours | {
        "meta": {"versionId": "1", "lastUpdated": "2026-11-20T00:00:00Z"},
        "text": {"status": "generated", "div": "<div/>"},
        "component": [{"valueQuantity": {"value": 23.0}}],
        "subject": {"reference": "Patient/merged"},
    }
    assert fingerprint(stored) == fingerprint(ours)
    for change in ({"status": "final"}, {"component": []}, {"note": [{"text": "no"}]}):
        assert fingerprint(ours | change) != fingerprint(ours)
