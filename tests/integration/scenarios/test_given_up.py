"""A newer version that ends as a dead letter: what the older one left is outdated, in head and rows."""

import json

import pytest

from oncofhir.consumers.envelopes.decode import decode
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.outcome import OutcomeStatus, RowStatus
from oncofhir.schemas.reasons import Reason
from tests.integration.pipeline_harness import pipeline_bench, report

SCRIPT = [{"contains": ["tumor size"], "answer": "2.3 cm"}]
OTHER = "FINAL DIAGNOSIS: Another carcinoma, tumor size 2.3 cm."
TEXT = "FINAL DIAGNOSIS: Invasive carcinoma, tumor size 2.3 cm."


@pytest.fixture(scope="module")
def bench():
    with pipeline_bench(SCRIPT) as running:
        yield running


def unreadable(ident, version):
    amended = report(ident, TEXT, "amended", version)
    amended["presentedForm"][0]["data"] = "%%%"
    return amended


def test_what_an_unreadable_version_leaves_is_outdated_once_and_again(bench):
    (first,) = bench.process(report("a", TEXT))
    assert first.outcome.status is OutcomeStatus.FOUND
    newer = unreadable("a", "2")
    with pytest.raises(UnreadableReport) as caught:
        bench.process(newer)
    for _ in range(2):
        (left,) = bench.mark_outdated(newer, caught.value.reason)
        assert (left.outcome.status, left.outcome.reason) == (
            OutcomeStatus.OUTDATED,
            caught.value.reason.value,
        )
        assert left.outcome.revision == first.outcome.revision + 1
        assert {row.status for row in left.rows} == {RowStatus.OUTDATED}
    (healed,) = bench.process(report("a", TEXT, "amended", "3"))
    assert {row.status for row in healed.rows} == {RowStatus.CURRENT}
    assert bench.mark_outdated(newer, caught.value.reason) == (), "it is stale by now"


def test_a_reference_that_is_given_up_leaves_its_version_to_a_replay(bench):
    """An event without its resource says nothing of the status: nothing was deleted."""
    (first,) = bench.process(report("d", OTHER))
    (left,) = bench.mark_outdated(reference("d", "2"), Reason.STORE_REJECTED)
    assert left.outcome.status is OutcomeStatus.OUTDATED
    (replayed,) = bench.process(report("d", OTHER, "amended", "2"))
    assert replayed.outcome.status is OutcomeStatus.FOUND
    assert bench.mark_outdated(reference("d", "2"), Reason.BROKER_REJECTED) == ()
    assert bench.mark_outdated(reference("d", None), Reason.BROKER_REJECTED) == ()
    assert first.outcome.document == replayed.outcome.document


def reference(ident, version):
    event, *_ = decode(json.dumps(report(ident, OTHER)).encode(), (), "topic")
    source = event.source.model_copy(update={"version": version})
    return event.model_copy(update={"source": source, "resource": None})


def test_a_version_that_was_never_preceded_leaves_nothing(bench):
    assert bench.mark_outdated(unreadable("b", "1"), Reason.INVALID_BASE64) == ()


def test_the_version_that_was_stored_is_not_outdated_by_its_own_failure(bench):
    """The store has it, and only its rows failed: redelivery publishes them."""
    stored = report("c", TEXT)
    bench.process(stored)
    assert bench.mark_outdated(stored, Reason.BROKER_REJECTED) == ()
