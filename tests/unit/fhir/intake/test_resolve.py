"""A part of a resource is never taken for the whole: the source is read, or it waits, or is refused."""

import asyncio

import pytest

from oncofhir.fhir.intake.resolve import is_subsetted, resolve
from oncofhir.fhir.intake.source_reader import Companions
from oncofhir.schemas.errors import DependencyUnavailable, UnreadableReport
from oncofhir.schemas.event import Operation, ReportEvent, SourceReference
from oncofhir.schemas.reasons import Reason

SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"


def report(version="2", *, tag=None, kind="DiagnosticReport", **more):
    meta = {"versionId": version, "lastUpdated": f"2026-01-0{version}T00:00:00Z"}
    if tag is not None:
        meta["tag"] = tag
    return {"resourceType": kind, "id": "r1", "status": "final", "meta": meta, **more}


def part(version="2", **more):
    return report(version, tag=[{"system": SYSTEM, "code": "SUBSETTED"}], **more)


WHOLE = report(conclusion="Carcinoma")


class Source:
    """A source with these versions of the report; None stands for one that cannot be reached."""

    def __init__(self, versions):
        self.versions = versions
        self.asked = []

    async def read_resource(self, reference):
        self.asked.append(reference)
        if self.versions is None:
            raise DependencyUnavailable(Reason.STORE_UNREACHABLE)
        _, _, version = reference.partition("/_history/")
        if (found := self.versions.get(version)) is None:
            raise UnreadableReport(Reason.RESOURCE_NOT_FOUND)
        return found


def resolved(carried, source, *, read_current=False):
    reference = SourceReference(
        type=carried["resourceType"], id="r1", version=carried["meta"]["versionId"]
    )
    event = ReportEvent(operation=Operation.UPSERT, source=reference, resource=carried)
    return asyncio.run(resolve(event, source, read_current=read_current))


def reason_of(carried, source):
    with pytest.raises(UnreadableReport) as caught:
        resolved(carried, source)
    return caught.value.reason


@pytest.mark.parametrize(
    "tag",
    [
        [{"system": SYSTEM, "code": "SUBSETTED"}],
        [{"system": "http://hl7.org/fhir/v3/ObservationValue", "code": "SUBSETTED"}],
        [{"code": "x"}, {"code": "SUBSETTED", "display": "Resource encoded in summary mode"}],
        {"code": "SUBSETTED"},
    ],
)
def test_the_tag_is_known_in_all_its_forms(tag):
    assert is_subsetted(report(tag=tag))


@pytest.mark.parametrize("tag", [None, [], [{"code": "subsetted-not"}], "SUBSETTED", [None], [{}]])
def test_other_tags_are_not_it(tag):
    assert not is_subsetted(report(tag=tag))


@pytest.mark.parametrize("read_current", [False, True])
@pytest.mark.parametrize(
    "versions", [{"2": WHOLE}, {"": WHOLE}, {"2": WHOLE, "": report("3", conclusion="x")}]
)
@pytest.mark.parametrize(
    "carried", [part(), part(conclusion="cut"), part(text={"div": "<div>x</div>"})]
)
def test_the_whole_is_read_from_the_source(carried, versions, read_current):
    assert resolved(carried, Source(versions), read_current=read_current) == WHOLE


def test_a_source_that_cannot_be_asked_is_waited_for():
    with pytest.raises(DependencyUnavailable):
        resolved(part(), Source(None))


def test_a_source_that_has_only_an_older_version_is_waited_for():
    with pytest.raises(DependencyUnavailable):
        resolved(part("2"), Source({"": report("1", conclusion="old")}))


def test_a_part_whose_whole_cannot_be_had_is_refused():
    assert reason_of(part(), Source({})) is Reason.PARTIAL_RESOURCE
    assert reason_of(part(), Source({"2": part()})) is Reason.PARTIAL_RESOURCE
    assert reason_of(part(), Companions([part()])) is Reason.PARTIAL_RESOURCE


SUMMARIES = {
    "only what is mandatory": report(),
    "attachments without their content": report(
        presentedForm=[{"contentType": "text/plain", "size": 10}]
    ),
    "empty lists": report(presentedForm=[], result=[]),
    "a document's description": report(
        kind="DocumentReference",
        content=[{"attachment": {"contentType": "text/plain", "title": "x"}}],
    ),
}


@pytest.mark.parametrize("case", SUMMARIES)
def test_a_report_without_any_text_may_be_a_summary(case):
    carried = SUMMARIES[case]
    whole = carried | {"conclusion": "Carcinoma"}
    assert resolved(carried, Source({"2": whole})) == whole
    assert resolved(carried, Source({})) == carried, "it is all that there is"
    assert resolved(carried, Source({"": report("1", kind=carried["resourceType"])})) == carried
    with pytest.raises(DependencyUnavailable):
        resolved(carried, Source(None))
    assert (
        reason_of(carried, Source({"2": part(kind=carried["resourceType"])}))
        is Reason.PARTIAL_RESOURCE
    )


@pytest.mark.parametrize(
    "carried",
    [
        WHOLE,
        report(presentedForm=[{"contentType": "text/plain", "data": "YQ=="}]),
        report(presentedForm=[{"contentType": "text/plain", "url": "Binary/1"}]),
        report(presentedForm=[{"contentType": "text/plain", "_data": {"extension": []}}]),
        report(result=[{"reference": "Observation/1"}]),
        report(text={"div": "<div>x</div>"}),
        report(
            kind="DocumentReference",
            content=[{"attachment": {"contentType": "text/plain", "data": "YQ=="}}],
        ),
    ],
)
def test_a_whole_report_is_taken_as_it_is(carried):
    source = Source(None)
    assert resolved(carried, source) == carried
    assert source.asked == []
