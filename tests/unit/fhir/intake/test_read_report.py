"""From resources to reports: text with a way back, and what is known about it."""

import asyncio
import base64
import contextlib
import gzip
import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.intake.read_report import IntakeLimits, read_report, report_from_text
from oncofhir.fhir.intake.resolve import resolve
from oncofhir.fhir.intake.source_reader import Companions, SourceReader
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    RequestRejected,
    UnreadableReport,
)
from oncofhir.schemas.event import Operation, ReportEvent, SourceReference
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import SecurityLabel

LIMITS = IntakeLimits()
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female"}
TEXT = "FINAL DIAGNOSIS: Invasive carcinoma, 14 mm."


def encoded(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def attachment(data=TEXT, content_type="text/plain", **more):
    return {"contentType": content_type, "data": encoded(data), **more}


def diagnostic_report(*presented, **more):
    return {
        "resourceType": "DiagnosticReport",
        "id": "dr1",
        "meta": {"versionId": "3", "lastUpdated": "2026-01-05T10:00:00.1234567+01:00"},
        "status": "final",
        "subject": {"reference": "Patient/p1"},
        **({"presentedForm": list(presented)} if presented else {}),
        **more,
    }


def document_reference(*attachments, **more):
    return {
        "resourceType": "DocumentReference",
        "id": "d1",
        "status": "current",
        "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": each} for each in attachments],
        **more,
    }


def read(resource, *companions, limits=LIMITS):
    report = asyncio.run(read_report(resource, Companions([PATIENT, *companions]), limits))
    for segment in report.segments:
        assert 0 <= segment.start < segment.end <= len(report.text)
        assert segment.attachment_start == 0
    return report


def reason_of(resource, *companions, limits=LIMITS):
    with pytest.raises(UnreadableReport) as caught:
        read(resource, *companions, limits=limits)
    return caught.value.reason


def said(report):
    return {s.path: report.text[s.start : s.end] for s in report.segments}


def test_what_is_known_about_a_diagnostic_report():
    report = read(
        diagnostic_report(
            attachment(),
            category=[{"coding": [{"system": "http://loinc.org", "code": "LP7839-6"}]}],
            code={
                "coding": [
                    {"system": "http://loinc.org", "code": "11526-1", "display": "Pathology study"}
                ]
            },
            encounter={"reference": "Encounter/e1"},
            effectivePeriod={"start": "2026-01-01"},
            issued="2026-01-02T10:00:00Z",
            specimen=[{"reference": "Specimen/s1"}],
        )
    )
    assert str(report.source) == "DiagnosticReport/dr1/_history/3"
    assert report.source_last_updated == datetime(2026, 1, 5, 9, 0, 0, 123456, tzinfo=UTC)
    assert (report.status, report.subject, report.patient_gender) == (
        "final",
        "Patient/p1",
        "female",
    )
    assert (report.encounter, report.specimen) == ("Encounter/e1", "Specimen/s1")
    assert (report.effective, report.issued) == ("2026-01-01", "2026-01-02T10:00:00Z")
    assert [c.code for c in (*report.types, *report.categories)] == ["11526-1", "LP7839-6"]
    assert report.text_sha256 == hashlib.sha256(TEXT.encode()).hexdigest() == report.content_key
    assert said(report) == {"DiagnosticReport.presentedForm[0]": TEXT}
    assert [s.kind.value for s in report.sections] == ["final-diagnosis"]


@pytest.mark.parametrize(
    "context",
    [
        {"encounter": [{"reference": "Encounter/e1"}], "period": {"end": "2026-01-01"}},
        [{"reference": "Encounter/e1"}],
    ],
    ids=["R4", "R5"],
)
def test_what_is_known_about_a_document_reference(context):
    label = {
        "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
        "code": "N",
        "display": "normal",
    }
    report = read(
        document_reference(
            attachment(), context=context, date="2026-01-02T10:00:00Z", meta={"security": [label]}
        )
    )
    assert str(report.source) == "DocumentReference/d1"
    assert (report.encounter, report.issued) == ("Encounter/e1", "2026-01-02T10:00:00Z")
    assert report.effective in {"2026-01-01", None}
    assert report.security == (SecurityLabel(**label),)
    assert said(report) == {"DocumentReference.content[0].attachment": TEXT}


def test_the_same_content_has_the_same_key_whichever_resource_shows_it():
    assert (
        read(diagnostic_report(attachment())).content_key
        == read(document_reference(attachment())).content_key
    )
    link = {"contentType": "text/plain", "url": "Binary/b1/_history/2"}
    binary = {
        "resourceType": "Binary",
        "id": "b1",
        "contentType": "text/plain",
        "data": encoded(TEXT),
    }
    versioned = read(diagnostic_report(link), binary)
    assert versioned.content_key == "Binary/b1"
    assert (
        versioned.content_key
        == read(document_reference({**link, "url": "Binary/b1"}), binary).content_key
    )
    assert (
        read(diagnostic_report(attachment(), conclusion="More")).content_key
        == hashlib.sha256(TEXT.encode()).hexdigest()
    )


# what is read


def test_the_conclusion_is_read_unless_the_attachment_says_it():
    both = read(diagnostic_report(attachment(), conclusion="Grade 2"))
    assert both.text == f"{TEXT}\n\nGrade 2"
    assert said(both)["DiagnosticReport.conclusion"] == "Grade 2"
    repeated = read(diagnostic_report(attachment(), conclusion="Invasive  carcinoma,\n14 mm."))
    assert repeated.text == TEXT
    assert read(diagnostic_report(conclusion="Grade 2")).text == "Grade 2"


def test_the_narrative_is_read_only_where_there_is_nothing_else():
    narrative = {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Grade <b>2</b></p></div>',
    }
    alone = read(diagnostic_report(text=narrative))
    assert said(alone) == {"DiagnosticReport.text.div": "Grade 2"}
    assert "Grade" not in read(diagnostic_report(attachment(), text=narrative)).text
    assert reason_of(diagnostic_report(text={**narrative, "status": "empty"})) is Reason.NO_TEXT
    assert reason_of(document_reference(text=narrative)) is Reason.NO_TEXT, (
        "it is about the document"
    )


def test_the_best_rendition_is_read_and_only_that():
    page = attachment(f"<p>{TEXT}</p>", "text/html")
    pdf = attachment("%PDF-", "application/pdf")
    assert said(read(document_reference(pdf, page, attachment()))) == {
        "DocumentReference.content[2].attachment": TEXT
    }
    assert said(read(document_reference(pdf, page))) == {
        "DocumentReference.content[1].attachment": TEXT
    }
    broken = attachment("Größe der Läsion".encode("cp437"), "text/plain; charset=utf-8")
    assert said(read(document_reference(broken, page))) == {
        "DocumentReference.content[1].attachment": TEXT
    }
    other_order = IntakeLimits(renditions=("text/html", "text/plain"))
    preferred = read(document_reference(attachment(), page), limits=other_order)
    assert said(preferred) == {"DocumentReference.content[1].attachment": TEXT}


def test_attachments_of_one_kind_are_all_read_and_equal_ones_once():
    report = read(
        diagnostic_report(attachment("a cancer"), attachment("b cancer"), attachment("a cancer"))
    )
    assert said(report) == {
        "DiagnosticReport.presentedForm[0]": "a cancer",
        "DiagnosticReport.presentedForm[1]": "b cancer",
    }


def test_results_in_words_are_read_behind_their_names():
    contained = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"coding": [{"display": "Findings"}]},
        "valueString": "Mass, 14 mm",
        "note": [{"text": "Left"}],
    }
    elsewhere = {
        "resourceType": "Observation",
        "id": "o2",
        "status": "final",
        "code": {"text": "Impression"},
        "valueCodeableConcept": {"text": "Carcinoma"},
    }
    withdrawn = {**elsewhere, "id": "o3", "status": "entered-in-error"}
    result = [
        {"reference": r} for r in ("#o1", "Observation/o2", "Observation/o3", "Observation/absent")
    ]
    report = read(diagnostic_report(contained=[contained], result=result), elsewhere, withdrawn)
    assert report.text == "Findings: Mass, 14 mm\nLeft\n\nImpression: Carcinoma"
    assert said(report) == {
        "DiagnosticReport.result[0].resolve()": "Findings: Mass, 14 mm\nLeft",
        "DiagnosticReport.result[1].resolve()": "Impression: Carcinoma",
    }


def test_the_names_of_conclusion_codes_are_read_where_nothing_says_them():
    codes = [
        {"coding": [{"system": "urn:x", "code": "1"}, {"code": "2", "display": "Carcinoma, NOS"}]},
        {"text": "left breast", "coding": [{"display": "Breast structure"}]},
        {"coding": [{"code": "3"}]},
    ]
    alone = read(diagnostic_report(conclusionCode=codes))
    assert said(alone) == {
        "DiagnosticReport.conclusionCode[0].coding[1].display": "Carcinoma, NOS",
        "DiagnosticReport.conclusionCode[1].text": "left breast",
    }
    told = read(
        diagnostic_report(conclusionCode=codes, conclusion="Carcinoma, NOS of the left breast")
    )
    assert list(said(told)) == ["DiagnosticReport.conclusion"]


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("Specimen/s1", "Specimen/s1"),
        ("Specimen/s1/_history/2", "Specimen/s1"),
        ("https://ehr.example.org/fhir/Specimen/s1", "Specimen/s1"),
        ("https://other.example/fhir/Specimen/s1", "https://other.example/fhir/Specimen/s1"),
        ("Device/d1", None),
        ("#s1", None),
    ],
)
def test_the_specimen_is_named_as_the_patient_is(link, kept):
    """Relative where it is the source's own, without version; what is no Specimen is none."""
    resource = diagnostic_report(attachment(), specimen=[{"reference": link}])
    reader = SourceReader(NoClient(), Companions([PATIENT]))
    assert asyncio.run(read_report(resource, reader, LIMITS)).specimen == kept


IN_PARTS = """FINAL DIAGNOSIS:
A. Left breast, biopsy: invasive ductal carcinoma.
B. Right breast, biopsy: invasive lobular carcinoma.
"""


def specimen(ident, **more):
    return {"resourceType": "Specimen", "id": ident, **more}


def by_part(*said, there=(), text=IN_PARTS):
    links = [{"reference": one} if isinstance(one, str) else one for one in said]
    return read(diagnostic_report(attachment(text), specimen=links), *there).specimens


BOTH = {"A": "Specimen/1", "B": "Specimen/2"}


@pytest.mark.parametrize(
    "carries",
    [
        lambda label: {"identifier": [{"value": f"S26-1234-{label}"}]},
        lambda label: {"accessionIdentifier": {"value": f"S26-1234 {label.lower()}"}},
        lambda label: {"container": [{"identifier": [{"value": label}]}]},
        lambda label: {"type": {"text": f"{label}. Breast, biopsy"}},
        lambda label: {
            "identifier": [{"value": "4711"}, {"value": f"S26-1{label}"}],
            "type": {"text": "Tissue"},
        },
    ],
)
def test_a_specimen_is_matched_by_the_label_of_its_part(carries):
    there = [specimen("1", **carries("A")), specimen("2", **carries("B"))]
    assert by_part("Specimen/1", "Specimen/2", there=there) == BOTH
    assert by_part("Specimen/2", "Specimen/1", there=there) == BOTH, "their order says nothing"


def test_a_reference_may_say_the_label_itself():
    first = {"reference": "Specimen/1/_history/3", "display": "A: left breast"}
    assert by_part(first, {"reference": "Specimen/2", "display": "Part B"}) == BOTH


def test_what_no_label_or_the_same_one_tells_apart_is_not_matched():
    plain = [specimen("1", identifier=[{"value": "S26-1234"}]), specimen("2")]
    assert by_part("Specimen/1", "Specimen/2", there=plain) == {}
    same = [specimen(n, identifier=[{"value": "S26-A"}]) for n in "12"]
    assert by_part("Specimen/1", "Specimen/2", there=same) == {}
    unlike = [
        specimen("1", identifier=[{"value": "S1-A"}], type={"text": "B. node"}),
        specimen("2", status="entered-in-error", identifier=[{"value": "S1-B"}]),
    ]
    assert by_part("Specimen/1", "Specimen/2", there=unlike) == {}
    other = [specimen("1", identifier=[{"value": "S1-C"}]), specimen("2")]
    assert by_part("Specimen/1", "Specimen/2", "#c", "Device/A", there=other) == {}


def test_specimens_are_read_only_where_there_are_several_parts_and_several_of_them():
    resource = diagnostic_report(
        attachment(), specimen=[{"reference": f"Specimen/{n}"} for n in "12"]
    )
    report = asyncio.run(
        read_report(resource, SourceReader(NoClient(), Companions([PATIENT])), LIMITS)
    )
    assert report.specimens == {}
    one = by_part("Specimen/1", there=[specimen("1", identifier=[{"value": "S1-A"}])])
    assert one == {}, "the only one is of all parts"


@pytest.mark.parametrize(
    ("body_site", "path"),
    [
        ({"text": "Left breast"}, "text"),
        ({"coding": [{"code": "1", "display": "Left breast"}]}, "coding[0].display"),
        ({"concept": {"text": "Left breast"}}, "concept.text"),
    ],
    ids=["R4", "display", "R5"],
)
def test_the_specimens_site_is_read_behind_its_type(body_site, path):
    specimen = {
        "resourceType": "Specimen",
        "id": "s1",
        "type": {"text": "Tissue"},
        "collection": {"bodySite": body_site},
    }
    for link, more, beside in (
        ("#s1", {"contained": [specimen]}, ()),
        ("Specimen/s1", {}, (specimen,)),
    ):
        resource = diagnostic_report(conclusion="Carcinoma", specimen=[{"reference": link}], **more)
        report = read(resource, *beside)
        assert report.text == "Carcinoma\n\nTissue: Left breast"
        assert f"DiagnosticReport.specimen[0].resolve().collection.bodySite.{path}" in said(report)
    told = {**resource, "conclusion": "Left breast: carcinoma"}
    assert read(told, specimen).text == "Left breast: carcinoma"
    attached = diagnostic_report(attachment(), specimen=[{"reference": "Specimen/s1"}])
    assert read(attached, specimen).text == TEXT, "what is not needed is not fetched"
    contained = diagnostic_report(
        attachment(), specimen=[{"reference": "#s1"}], contained=[specimen]
    )
    assert read(contained).text == f"{TEXT}\n\nTissue: Left breast"


def test_a_specimen_that_says_nothing_is_passed_over():
    silent = [
        {"resourceType": "Specimen", "id": "s1"},
        {"resourceType": "Specimen", "id": "s2", "collection": {}},
        {
            "resourceType": "Specimen",
            "id": "s3",
            "status": "entered-in-error",
            "collection": {"bodySite": {"text": "Right breast"}},
        },
        {"resourceType": "Substance", "id": "s4", "collection": {"bodySite": {"text": "Skin"}}},
    ]
    links = [{"reference": f"#s{n}"} for n in range(1, 6)] + [{"display": "a core"}]
    report = read(diagnostic_report(conclusion="Carcinoma", contained=silent, specimen=links))
    assert report.text == "Carcinoma"
    sited = {"resourceType": "Specimen", "id": "s1", "collection": {"bodySite": {"text": "Skin"}}}
    alone = diagnostic_report(contained=[sited], specimen=[{"reference": "#s1"}])
    assert reason_of(alone) is Reason.NO_TEXT, "a site is no report"


def test_absent_data_with_a_reason_is_absent():
    masked = {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                "valueCode": "masked",
            }
        ]
    }
    empty = {"contentType": "text/plain", "_data": masked, "_url": masked}
    assert reason_of(diagnostic_report(empty)) is Reason.EMPTY_ATTACHMENT
    assert reason_of(document_reference(empty)) is Reason.EMPTY_ATTACHMENT
    without = diagnostic_report(conclusion=None, _conclusion=masked)
    assert reason_of(without) is Reason.NO_TEXT
    noted = diagnostic_report(conclusion="Carcinoma", _conclusion=masked, _status=masked)
    assert read(noted).text == "Carcinoma"
    observation = {
        "resourceType": "Observation",
        "id": "o1",
        "code": {"text": "Size"},
        "_valueString": masked,
        "dataAbsentReason": {"text": "not measured"},
    }
    result = [{"reference": "#o1"}, {"_reference": masked}, None]
    unmeasured = diagnostic_report(conclusion="Carcinoma", contained=[observation], result=result)
    assert read(unmeasured).text == "Carcinoma"


def test_primitive_extensions_and_nulls_read_as_absent():
    absent = [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
            "valueCode": "unknown",
        }
    ]
    report = read(
        diagnostic_report(
            None,
            attachment(_title={"extension": absent}),
            issued=None,
            _issued={"extension": absent},
        )
    )
    assert report.issued is None
    assert list(said(report)) == ["DiagnosticReport.presentedForm[1]"]


# attachments by reference


def test_urls_within_the_source_and_the_report():
    binary = {
        "resourceType": "Binary",
        "id": "b1",
        "contentType": "text/html",
        "data": encoded(f"<p>{TEXT}</p>"),
    }
    assert read(diagnostic_report({"url": "Binary/b1"}), binary).text == TEXT
    assert read(diagnostic_report({"url": "#b1"}, contained=[binary])).text == TEXT
    assert reason_of(diagnostic_report({"url": "Binary/b2"}), binary) is Reason.ATTACHMENT_NOT_FOUND
    assert reason_of(diagnostic_report({"url": "#dr1"})) is Reason.ATTACHMENT_NOT_FOUND
    wrong = {"url": "Binary/b1", "size": 3}
    assert reason_of(diagnostic_report(wrong), binary) is Reason.ATTACHMENT_SIZE_MISMATCH


def test_a_binary_of_the_same_bundle_may_be_named_by_its_full_url():
    binary = {
        "resourceType": "Binary",
        "id": "b1",
        "contentType": "text/plain",
        "data": encoded(TEXT),
    }
    url = "http://ehr.example.org/elsewhere/Binary/b1"
    assert read(diagnostic_report({"url": url}), binary).text == TEXT
    reader = SourceReader(NoClient(), Companions([binary]))
    assert asyncio.run(reader.fetch_attachment(url, "*/*"))[0] == TEXT.encode()
    patient = "http://ehr.example.org/elsewhere/Patient/p1"
    assert reason_of(diagnostic_report({"url": patient})) is Reason.ATTACHMENT_URL_REFUSED


REFUSED = [
    "file:///etc/passwd",
    "Binary/../../Patient/1",
    "../Binary/b1",
    "/../Binary/b1",
    "Binary/..",
    "Binary/%2e%2e/b1",
    "Binary/b1%2F..%2F..%2Fadmin",
    "https://ehr.example.org/fhir/Binary/../../admin",
    "https://ehr.example.org/fhir/Binary/./b1",
    "https://ehr.example.org/admin/Binary/b1",
    "Binary//b1",
    "Patient/p1/$everything",
    "Binary/b1\\\\..",
    "Binary/b1 ",
    "Binary/b1/$everything",
    "Patient/p1",
    "ftp://h.example.org/a",
    "gopher://127.0.0.1/",
    "data:text/plain,cancer",
    "http://169.254.169.254/latest/meta-data",
    "http://localhost:8080/",
    "//h.example.org/Binary/b1",
    "http://ehr.example.org@evil.example.org/fhir/Binary/b1",
    "http://ehr.example.org.evil.example.org/fhir/Binary/b1",
    "https://ehr.example.org:8443/fhir/Binary/b1",
    "http://[::1",
    "HTTP://",
]


class NoClient:
    """A source that must not be asked."""

    base_url = "https://ehr.example.org/fhir"

    async def read(self, type, id, version=None):  # noqa: A002
        raise DependencyUnavailable(Reason.STORE_UNREACHABLE)

    async def read_binary(self, url, accept, fetch):
        raise AssertionError(url)


@pytest.mark.parametrize("url", REFUSED)
def test_urls_that_are_never_followed(url):
    assert (
        reason_of(diagnostic_report({"contentType": "text/plain", "url": url}))
        is Reason.ATTACHMENT_URL_REFUSED
    )
    reader = SourceReader(NoClient(), allowed_origins=["https://files.example.org"])
    with pytest.raises(UnreadableReport) as caught:
        asyncio.run(reader.fetch_attachment(url, "*/*"))
    assert caught.value.reason is Reason.ATTACHMENT_URL_REFUSED


class Files:
    """A source that serves what it is given, and remembers what it was asked."""

    base_url = "https://ehr.example.org/fhir"

    def __init__(self, served):
        self.served = served
        self.asked = []

    async def read(self, type, id, version=None):  # noqa: A002
        raise RequestRejected(Reason.RESOURCE_NOT_FOUND)

    async def read_binary(self, url, accept, fetch):
        self.asked.append((url, accept))
        if url not in self.served:
            raise RequestRejected(Reason.DELETED)
        return self.served[url]


def test_a_source_is_asked_for_its_own_binaries_and_for_those_of_allowed_origins():
    binary = b'{"resourceType": "Binary", "contentType": "text/plain", "data": "YWJj"}'
    raw = (b"raw", "text/plain; charset=utf-8")
    files = Files(
        {
            "Binary/1": raw,
            "Binary/2": (binary, "application/fhir+json"),
            "https://f.example.org/x": raw,
        }
    )
    reader = SourceReader(files, allowed_origins=["https://F.example.org:443/"])
    read_url = lambda url: asyncio.run(reader.fetch_attachment(url, "text/plain"))  # noqa: E731
    assert read_url("Binary/1") == raw
    assert read_url("https://ehr.example.org/fhir/Binary/1") == raw
    assert read_url("Binary/2") == (b"abc", "text/plain")
    assert read_url("https://f.example.org/x") == raw
    assert files.asked[1] == ("Binary/1", "text/plain")
    for url in ("Binary/3", "https://f.example.org/y"):
        with pytest.raises(UnreadableReport) as caught:
            read_url(url)
        assert caught.value.reason is Reason.ATTACHMENT_NOT_FOUND
    beside = reader.with_companions(
        [PATIENT, {"resourceType": "Binary", "id": "3", "data": "YWJj"}]
    )
    assert asyncio.run(beside.fetch_attachment("Binary/3", "*/*")) == (b"abc", None)
    assert asyncio.run(beside.read_resource("https://ehr.example.org/fhir/Patient/p1")) == PATIENT
    assert asyncio.run(beside.read_resource("Patient/p1/_history/2")) == PATIENT
    for reference in ("Patient/p2", "https://elsewhere.example.org/fhir/Patient/p2"):
        with pytest.raises(UnreadableReport) as caught:
            asyncio.run(beside.read_resource(reference))
        assert caught.value.reason is Reason.RESOURCE_NOT_FOUND
    with pytest.raises(UnreadableReport):
        asyncio.run(beside.fetch_attachment("https://g.example.org/x", "*/*"))


EXTERNALIZED = {
    "extension": [
        {"url": "http://example.org/other", "valueString": "x"},
        {
            "url": "http://hapifhir.io/fhir/StructureDefinition/externalized-binary-id",
            "valueString": "b7Hq",
        },
    ]
}


def test_content_that_hapi_stores_outside_of_the_resource_is_fetched():
    path = "DiagnosticReport/dr1/$binary-access-read?path=DiagnosticReport.presentedForm%5B0%5D"
    files = Files({path: (TEXT.encode(), "text/plain")})
    report = diagnostic_report(
        {"contentType": "text/plain", "size": len(TEXT), "_data": EXTERNALIZED}, conclusion="G2"
    )
    found = asyncio.run(read_report(report, SourceReader(files, Companions([PATIENT])), LIMITS))
    assert found.text == f"{TEXT}\n\nG2"
    document = document_reference({"contentType": "text/plain", "_data": EXTERNALIZED})
    path = (
        "DocumentReference/d1/$binary-access-read?path=DocumentReference.content%5B0%5D.attachment"
    )
    files = Files({path: (TEXT.encode(), "text/plain")})
    assert asyncio.run(read_report(document, SourceReader(files), LIMITS)).text == TEXT


def test_content_outside_of_the_resource_is_never_passed_over():
    externalized = {"contentType": "application/pdf", "size": 9, "_data": EXTERNALIZED}
    for more in ({}, {"conclusion": "Carcinoma"}):
        assert reason_of(diagnostic_report(externalized, **more)) is Reason.ATTACHMENT_NOT_FOUND
    absent = {"contentType": "application/pdf", "_data": {"extension": [None, "x", {}]}}
    assert reason_of(diagnostic_report(absent)) is Reason.EMPTY_ATTACHMENT


def test_documents_whose_addresses_differ_in_the_query_are_two():
    served = (TEXT.encode(), "text/plain")

    def key(url):
        reader = SourceReader(
            Files({url: served}), Companions([PATIENT]), ["https://f.example.org"]
        )
        return asyncio.run(read_report(diagnostic_report({"url": url}), reader, LIMITS)).content_key

    first = key("https://f.example.org/doc?id=1&X-Amz-Signature=a")
    assert first == key("https://f.example.org/doc?id=1&X-Amz-Signature=b")
    assert first != key("https://f.example.org/doc?id=2&X-Amz-Signature=a")


# what is wrong with it

SHA1 = base64.b64encode(hashlib.sha1(TEXT.encode()).digest()).decode()
WRONG = {
    "other type": ({"resourceType": "Patient", "id": "1"}, Reason.UNSUPPORTED_RESOURCE_TYPE),
    "no id": (diagnostic_report(attachment(), id=None), Reason.MISSING_ID),
    "odd id": (diagnostic_report(attachment(), id="a/b"), Reason.INVALID_RESOURCE),
    "no status": (diagnostic_report(attachment(), status=""), Reason.MISSING_STATUS),
    "no subject": (diagnostic_report(attachment(), subject=None), Reason.MISSING_SUBJECT),
    "empty subject": (diagnostic_report(attachment(), subject={}), Reason.MISSING_SUBJECT),
    "logical subject": (
        diagnostic_report(attachment(), subject={"identifier": {"value": "1"}}),
        Reason.UNRESOLVED_SUBJECT,
    ),
    "urn subject": (
        diagnostic_report(attachment(), subject={"reference": "urn:uuid:1"}),
        Reason.UNRESOLVED_SUBJECT,
    ),
    "contained subject": (
        diagnostic_report(attachment(), subject={"reference": "#p"}),
        Reason.UNRESOLVED_SUBJECT,
    ),
    "a device's": (
        diagnostic_report(attachment(), subject={"reference": "Device/1"}),
        Reason.NOT_A_PATIENT,
    ),
    "no text": (diagnostic_report(), Reason.NO_TEXT),
    "no content": (document_reference(), Reason.NO_TEXT),
    "empty attachment": (diagnostic_report({"contentType": "text/plain"}), Reason.EMPTY_ATTACHMENT),
    "empty data": (diagnostic_report({"data": ""}), Reason.EMPTY_ATTACHMENT),
    "blank text": (diagnostic_report(attachment(" \n")), Reason.EMPTY_ATTACHMENT),
    "truncated": (diagnostic_report({"data": encoded(TEXT)[:-3]}), Reason.INVALID_BASE64),
    "no base64": (diagnostic_report({"data": "*"}), Reason.INVALID_BASE64),
    "hash": (diagnostic_report(attachment("other", hash=SHA1)), Reason.ATTACHMENT_HASH_MISMATCH),
    "size": (diagnostic_report(attachment(size=1)), Reason.ATTACHMENT_SIZE_MISMATCH),
    "odd size": (diagnostic_report(attachment(size="x")), Reason.INVALID_RESOURCE),
    "image": (
        diagnostic_report({"contentType": "image/png", "url": "http://h/"}),
        Reason.IMAGE_ATTACHMENT,
    ),
    "odd list": (diagnostic_report(presentedForm="x"), Reason.INVALID_RESOURCE),
    "odd conclusion": (diagnostic_report(conclusion=3), Reason.INVALID_RESOURCE),
}


@pytest.mark.parametrize(("resource", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_has_its_reason(resource, reason):
    assert reason_of(resource) is reason


def test_an_unreadable_attachment_is_not_passed_over_for_a_conclusion():
    damaged = attachment(hash="AAAA")
    assert (
        reason_of(diagnostic_report(damaged, conclusion="Carcinoma"))
        is Reason.ATTACHMENT_HASH_MISMATCH
    )
    image = {"contentType": "image/png", "data": encoded(b"\x89PNG\r\n\x1a\n")}
    assert read(diagnostic_report(image, conclusion="Carcinoma")).text == "Carcinoma"


def test_data_counts_where_there_is_a_url_too():
    report = read(
        diagnostic_report(
            attachment(url="http://elsewhere.example.org/x", hash=SHA1, size=str(len(TEXT)))
        )
    )
    assert report.text == TEXT


def test_limits():
    small = IntakeLimits(max_text_characters=50)
    assert reason_of(diagnostic_report(attachment("a" * 51)), limits=small) is Reason.TEXT_TOO_LONG
    twice = diagnostic_report(attachment("a" * 30), attachment("b" * 30))
    assert reason_of(twice, limits=small) is Reason.TEXT_TOO_LONG
    bomb = attachment(gzip.compress(b"a" * 10**6))
    assert (
        reason_of(diagnostic_report(bomb), limits=IntakeLimits(max_attachment_bytes=10_000))
        is Reason.ATTACHMENT_TOO_LARGE
    )


def test_the_gender_is_never_a_reason_to_fail():
    reader = SourceReader(NoClient())
    report = asyncio.run(read_report(diagnostic_report(attachment()), reader, LIMITS))
    assert report.patient_gender is None


def test_references_below_the_sources_base_are_its_own():
    reader = SourceReader(NoClient(), Companions([PATIENT]))
    absolute = diagnostic_report(
        attachment(), subject={"reference": "https://ehr.example.org/fhir/Patient/p1"}
    )
    report = asyncio.run(read_report(absolute, reader, LIMITS))
    assert (report.subject, report.patient_gender) == ("Patient/p1", "female")


def test_errors_hold_no_text():
    with pytest.raises(UnreadableReport) as caught:
        read(diagnostic_report({"contentType": "text/xml", "data": encoded("<a>Jane-Canary")}))
    assert "Canary" not in str(caught.value)
    assert caught.value.location == "DiagnosticReport.presentedForm[0]"


# text files


def test_a_text_file_is_a_report():
    report = report_from_text("Gr\u00f6\u00dfe 14 mm".encode("cp1252"), "a.txt")
    assert report.text == "Gr\u00f6\u00dfe 14 mm"
    assert said(report) == {"text": report.text}
    with pytest.raises(UnreadableReport):
        report_from_text(b"", "a.txt")


# events


def resolved(event, *resources, **switches):
    return asyncio.run(resolve(event, Companions(resources), **switches))


def test_an_event_is_a_hint():
    older, newer = diagnostic_report(conclusion="a"), diagnostic_report(conclusion="b")
    newer["meta"] = {"versionId": "4", "lastUpdated": "2026-01-06T10:00:00Z"}
    source = SourceReference(type="DiagnosticReport", id="dr1", version="3")
    carrying = ReportEvent(operation=Operation.UPSERT, source=source, resource=older)
    assert resolved(carrying, newer) == older
    assert resolved(carrying, newer, read_current=True) == newer
    assert resolved(carrying, read_current=True) == older, "the source does not have it yet"
    late = carrying.model_copy(update={"resource": newer})
    assert resolved(late, older, read_current=True) == newer, "the source lags behind"
    bare = ReportEvent(operation=Operation.UPSERT, source=source)
    assert resolved(bare, older) == older
    with pytest.raises(UnreadableReport) as caught:
        resolved(bare)
    assert caught.value.reason is Reason.RESOURCE_NOT_FOUND


def test_an_entry_that_could_not_be_decoded_has_its_reason():
    entry = SourceReference(type="Bundle", id="entry-1")
    event = ReportEvent(operation=Operation.UPSERT, source=entry, unreadable=Reason.MISSING_ID)
    with pytest.raises(UnreadableReport) as caught:
        resolved(event)
    assert (caught.value.reason, caught.value.location) == (Reason.MISSING_ID, "Bundle/entry-1")


def test_a_deletion_counts_unless_the_source_still_has_the_report():
    source = SourceReference(type="DiagnosticReport", id="dr1")
    deletion = ReportEvent(operation=Operation.DELETE, source=source)
    for switches in ({}, {"read_current": True}):
        with pytest.raises(UnreadableReport) as caught:
            resolved(deletion, **switches)
        assert caught.value.reason is Reason.DELETED
    assert resolved(deletion, diagnostic_report(), read_current=True) == diagnostic_report()


# any text, any resource


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4), st.text(max_size=60))
def test_every_offset_leads_back_to_its_character(texts, conclusion):
    forms = [
        {"contentType": "text/plain; charset=utf-8", "data": encoded(t.encode("utf-8", "replace"))}
        for t in texts
    ]
    with contextlib.suppress(UnreadableReport):
        report = read(diagnostic_report(*forms, conclusion=conclusion))
        for segment in report.segments:
            source = (
                conclusion if segment.path.endswith("conclusion") else texts[int(segment.path[-2])]
            )
            own = (
                source.replace("\0", "\ufffd")
                .encode("utf-8", "replace")
                .decode()
                .removeprefix("\ufeff")
            )
            if segment.content_type == "text/plain" and not segment.path.endswith("conclusion"):
                assert report.text[segment.start : segment.end] == own


NAMES = [
    "resourceType",
    "id",
    "status",
    "subject",
    "reference",
    "presentedForm",
    "content",
    "attachment",
    "data",
    "url",
]
NAMES += [
    "contentType",
    "conclusion",
    "text",
    "div",
    "meta",
    "result",
    "contained",
    "context",
    "size",
    "hash",
    "coding",
]
VALUES = st.recursive(
    st.none()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(
        ["Patient/p1", "#a", "Binary/b", "text/html", "YQ==", "final", "DiagnosticReport", "a"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=15,
)


@given(
    st.dictionaries(st.sampled_from(NAMES), VALUES),
    st.sampled_from(["DiagnosticReport", "DocumentReference"]),
)
def test_no_resource_raises_anything_else(elements, kind):
    subject = {"subject": {"reference": "Patient/p1"}, "id": "1", "status": "final"}
    with contextlib.suppress(OncofhirError):
        read({**subject, **elements, "resourceType": kind})


@pytest.mark.parametrize(
    ("url", "error", "reason"),
    [
        (
            "https://f.example.org/1.pdf",
            DependencyUnavailable(Reason.STORE_UNREACHABLE),
            "attachment-host-unavailable",
        ),
        (
            "https://f.example.org/1.pdf",
            DependencyUnavailable(Reason.STORE_FAILED),
            "attachment-host-unavailable",
        ),
        (
            "https://f.example.org/1.pdf",
            AccessDenied(Reason.STORE_ACCESS_DENIED),
            "attachment-host-unavailable",
        ),
        (
            "https://s.example.org/fhir/Binary/1",
            DependencyUnavailable(Reason.STORE_FAILED),
            "store-failed",
        ),
        ("Binary/1", AccessDenied(Reason.STORE_ACCESS_DENIED), "store-access-denied"),
    ],
)
def test_trouble_of_a_foreign_host_is_not_the_sources(url, error, reason):
    class Failing:
        base_url = "https://s.example.org/fhir"

        async def read_binary(self, *_):
            raise error

    reader = SourceReader(Failing(), allowed_origins=["https://f.example.org"])
    with pytest.raises((DependencyUnavailable, AccessDenied)) as raised:
        asyncio.run(reader.fetch_attachment(url, "application/pdf"))
    assert raised.value.reason == reason
