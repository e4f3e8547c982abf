"""Reports of one record with equal content are processed one after another, all others in parallel."""

import json

from oncofhir.consumers.envelopes.decode import decode
from oncofhir.consumers.processing.equal_reports import predecessors


def events(*reports):
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": report} for report in reports],
    }
    return decode(json.dumps(bundle).encode(), (), "topic")


def report(logical_id, words="same", version="1"):
    return {
        "resourceType": "DiagnosticReport",
        "id": logical_id,
        "meta": {"versionId": version},
        "identifier": [{"value": logical_id}],
        "conclusion": words,
    }


def test_each_waits_for_the_equal_one_before_it():
    found = events(
        report("a"), report("b", "other"), report("c"), report("d"), report("e", "other")
    )
    assert predecessors(found) == {2: 0, 3: 2, 4: 1}


def test_one_report_or_different_ones_wait_for_none():
    assert predecessors(events(report("a"))) == {}
    assert predecessors(events(report("a", "1"), report("b", "2"))) == {}


def test_five_thousand_equal_reports_are_one_chain():
    found = events(*(report(f"r{n}") for n in range(5_000)))
    assert len(found) == 5_000
    assert predecessors(found) == {n: n - 1 for n in range(1, 5_000)}
