"""One report as two resources: what each of them tells counts, in the order in which it is told."""

import httpx2
import pytest

from oncofhir.schemas.outcome import OutcomeStatus, RowStatus
from tests.integration.pipeline_harness import document, pipeline_bench, report

SCRIPT = [
    {"contains": ["tumor size", "2.3 cm"], "answer": "2.3 cm"},
    {"contains": ["tumor size", "4.1 cm"], "answer": "4.1 cm"},
    {"contains": ["tumor size", "5.2 cm"], "answer": "5.2 cm"},
]
FOUND, ALIAS = OutcomeStatus.FOUND, OutcomeStatus.DUPLICATE_RESOURCE


@pytest.fixture(scope="module")
def bench():
    with pipeline_bench(SCRIPT) as running:
        yield running


def text(name, size="2.3"):
    return f"FINAL DIAGNOSIS ({name}): Invasive carcinoma, tumor size {size} cm."


def sizes(bench, *references):
    """Sizes in the store that stand, by the report that they cite."""
    bundle = httpx2.get(
        f"{bench.settings.fhir.base_url}/Observation?_count=500", trust_env=False
    ).json()
    found = []
    for entry in bundle.get("entry", ()):
        resource = entry["resource"]
        if resource["status"] == "entered-in-error":
            continue
        cited = str(resource["extension"])
        found += [
            (reference, resource["component"][0]["valueQuantity"]["value"])
            for reference in references
            if f"'{reference}'" in cited
        ]
    return sorted(found)


def statuses(processed):
    return [each.outcome.status for each in processed]


def test_a_correction_that_only_the_twin_tells_is_read(bench):
    """And the owner's correction, when it comes after all, changes nothing more."""
    owner, twin = "DiagnosticReport/a1", "DocumentReference/a2"
    first = bench.process(report("a1", text("a")), document("a2", text("a")))
    assert statuses(first) == [FOUND, ALIAS]
    corrected = document("a2", text("a", "4.1"), version="2", docStatus="amended")
    (second,) = bench.process(corrected)
    assert second.outcome.status is FOUND
    assert second.outcome.document == first[0].outcome.document
    assert sizes(bench, owner, twin) == [(twin, 41)]
    late = bench.process(
        report("a1", text("a")),
        corrected,
        report("a1", text("a", "4.1"), "amended", "2"),
        corrected,
        document("a2", text("a")),
    )
    assert statuses(late) == [ALIAS, FOUND, ALIAS, FOUND, OutcomeStatus.OLDER_VERSION_IGNORED]
    assert sizes(bench, owner, twin) == [(twin, 41)]


def test_the_owner_s_correction_is_not_undone_by_a_twin_that_is_late(bench):
    owner, twin = "DiagnosticReport/b1", "DocumentReference/b2"
    bench.process(report("b1", text("b")), document("b2", text("b")))
    later = bench.process(
        report("b1", text("b", "4.1"), "amended", "2"),
        document("b2", text("b"), version="2"),
        document("b2", text("b", "4.1"), version="3"),
        document("b2", text("b"), version="1"),
    )
    assert statuses(later) == [FOUND, ALIAS, ALIAS, ALIAS]
    assert sizes(bench, owner, twin) == [(owner, 41)]


def test_two_of_a_type_that_were_alike_part_when_one_is_amended(bench):
    names = "DiagnosticReport/c1", "DiagnosticReport/c2"
    first = bench.process(report("c1", text("c")), report("c2", text("c")))
    assert statuses(first) == [FOUND, ALIAS]
    amended = report("c2", text("c", "4.1"), "amended", "2")
    (apart,) = bench.process(amended)
    assert apart.outcome.status is FOUND
    assert apart.outcome.document != first[0].outcome.document
    assert sizes(bench, *names) == [(names[0], 23), (names[1], 41)]
    again = bench.process(
        amended,
        report("c2", text("c")),
        report("c1", text("c"), "entered-in-error", "2"),
    )
    assert statuses(again) == [FOUND, OutcomeStatus.OLDER_VERSION_IGNORED, OutcomeStatus.RETRACTED]
    assert sizes(bench, *names) == [(names[1], 41)]


def test_one_that_stands_takes_over_when_the_owner_was_retracted(bench):
    """Delivered again, or in its next version."""
    names = "DiagnosticReport/d1", "DiagnosticReport/d2"
    told = bench.process(
        report("d1", text("d")),
        report("d2", text("d")),
        report("d1", text("d"), "entered-in-error", "2"),
    )
    assert statuses(told) == [FOUND, ALIAS, OutcomeStatus.RETRACTED]
    assert sizes(bench, *names) == []
    again = bench.process(
        report("d2", text("d")),
        report("d1", text("d"), "entered-in-error", "2"),
        report("d2", text("d"), version="2"),
    )
    assert statuses(again) == [FOUND, ALIAS, FOUND]
    assert {row.status for row in again[0].rows} == {RowStatus.CURRENT}
    assert sizes(bench, *names) == [(names[1], 23)]


def test_the_twin_of_a_retracted_report_is_retracted_with_it_until_it_is_issued_anew(bench):
    names = "DiagnosticReport/f1", "DocumentReference/f2"
    told = bench.process(
        report("f1", text("f")),
        document("f2", text("f")),
        report("f1", text("f"), "entered-in-error", "2"),
        document("f2", text("f")),
    )
    assert statuses(told) == [FOUND, ALIAS, OutcomeStatus.RETRACTED, ALIAS]
    assert sizes(bench, *names) == []
    (anew,) = bench.process(document("f2", text("f"), version="2"))
    assert anew.outcome.status is FOUND
    assert sizes(bench, *names) == [(names[1], 23)]


def test_a_twin_that_is_late_brings_no_older_words_back(bench):
    names = "DiagnosticReport/g1", "DocumentReference/g2"
    told = bench.process(
        report("g1", text("g")),
        document("g2", text("g")),
        report("g1", text("g", "4.1"), "amended", "2"),
        report("g1", text("g", "5.2"), "amended", "3"),
        document("g2", text("g", "4.1"), version="2"),
    )
    assert statuses(told) == [FOUND, ALIAS, FOUND, FOUND, ALIAS]
    assert sizes(bench, *names) == [(names[0], 52)]


def test_a_deleted_alias_that_comes_back_with_new_words_is_read(bench):
    """A deletion names no version; what comes after it is later all the same."""
    names = "DiagnosticReport/h1", "DocumentReference/h2"
    told = bench.process(
        report("h1", text("h")),
        document("h2", text("h"), version="2"),
        {**document("h2", text("h"), "entered-in-error"), "meta": {}},
        document("h2", text("h", "4.1"), version="3"),
    )
    assert statuses(told) == [FOUND, ALIAS, ALIAS, FOUND]
    assert sizes(bench, *names) == [(names[1], 41)]


def test_a_correction_under_the_same_address_is_seen_by_its_words(bench):
    names = "DiagnosticReport/i1", "DocumentReference/i2"
    first = bench.process(
        at_an_address(report("i1", text("i"))), at_an_address(document("i2", text("i")))
    )
    assert statuses(first) == [FOUND, ALIAS]
    (second,) = bench.process(at_an_address(document("i2", text("i", "4.1"), version="2")))
    assert second.outcome.status is FOUND
    assert second.outcome.document == first[0].outcome.document
    assert sizes(bench, *names) == [(names[1], 41)]


def at_an_address(resource):
    """The same, its attachment with an address beside the data."""
    content = resource.get("content")
    attachment = content[0]["attachment"] if content else resource["presentedForm"][0]
    attachment["url"] = "Binary/at-one-address"
    return resource


def test_an_alias_that_is_retracted_takes_nothing_with_it(bench):
    told = bench.process(
        report("e1", text("e")),
        document("e2", text("e")),
        document("e2", text("e"), "entered-in-error", "2"),
        report("e1", text("e")),
    )
    assert statuses(told) == [FOUND, ALIAS, ALIAS, FOUND]
    assert sizes(bench, "DiagnosticReport/e1") == [("DiagnosticReport/e1", 23)]
