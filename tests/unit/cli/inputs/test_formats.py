"""Files of resources in whatever form they come: arrays, NDJSON, pretty-printed, UTF-16, gzip."""

import contextlib
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.cli.inputs.items import companions_in, ignored, read, reports_in
from oncofhir.fhir.json_files import UnreadableFileError, json_chunks, unpacked
from oncofhir.schemas.reasons import Reason

ONE = {"resourceType": "DiagnosticReport", "id": "1", "conclusion": "Größe ≥ 2 cm"}
TWO = {"resourceType": "DocumentReference", "id": "2"}
COMPACT = "\n".join(map(json.dumps, (ONE, TWO)))
FORMS = {
    "an array": (json.dumps([ONE, TWO]), [1, 1]),
    "a pretty array": (json.dumps([ONE, TWO], indent=1), [2, 7]),
    "lines": (COMPACT, [1, 2]),
    "lines with blank ones": (f"\n{COMPACT}\r\n\n", [2, 3]),
    "pretty ones behind one another": (
        json.dumps(ONE, indent=2) + "\n" + json.dumps(TWO, indent=2),
        [1, 6],
    ),
    "one line, two values": (json.dumps(ONE) + json.dumps(TWO), [1, 1]),
}


def items_of(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)
    return list(read([str(file)]))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize(
    "name", ["a.json", "a.ndjson", "a.jsonl", "a.json.gz", "a.ndjson.gz", "a.dat"]
)
@pytest.mark.parametrize("form", FORMS)
def test_resources_are_read_in_any_form(tmp_path, form, name, encoding):
    text, lines = FORMS[form]
    content = text.encode(encoding)
    items = items_of(tmp_path, name, gzip.compress(content) if name.endswith(".gz") else content)
    assert [(item.resource, item.line, item.error) for item in items] == [
        (ONE, lines[0], None),
        (TWO, lines[1], None),
    ]
    assert [json.loads(item.raw) for item in items] == [ONE, TWO], "what would be published"


@pytest.mark.parametrize("name", ["a.json", "a.ndjson", "a.jsonl"])
def test_one_resource_over_several_lines(tmp_path, name):
    (item,) = items_of(tmp_path, name, json.dumps(ONE, indent=4).encode())
    assert item.resource == ONE


def test_several_gzip_members_are_one_file():
    halves = gzip.compress(COMPACT[:30].encode()) + gzip.compress(COMPACT[30:].encode())
    assert [chunk.value for chunk in json_chunks(unpacked(halves), in_lines=True)] == [ONE, TWO]


@pytest.mark.parametrize(
    ("content", "explained"),
    [
        (b"SURGICAL PATHOLOGY\n\nCarcinoma, 2 cm\n", "neither JSON nor NDJSON"),
        (json.dumps(ONE, indent=1).encode()[:-5], "neither JSON nor NDJSON"),
        (b"\xff\xd8\xff\xe0 a picture", "not text"),
        (b"\xff\xfe\x00\xd8{", "not text"),
        (gzip.compress(b"{}" * 50)[:-8], "damaged or truncated"),
        (b'{"resourceType": "DiagnosticReport", "id": "1", "id": "2"}', "two values for one name"),
        (b"", "empty"),
        (b"[" * 100_000, "neither JSON nor NDJSON"),
    ],
    ids=["text", "cut off", "a picture", "half a pair", "cut gzip", "two ids", "empty", "deep"],
)
def test_a_file_that_cannot_be_read_has_one_line_that_says_why(tmp_path, content, explained):
    (item,) = items_of(tmp_path, "a.json", content)
    assert item.error is Reason.NOT_JSON
    assert explained in item.detail


def test_damaged_lines_have_their_own_errors(tmp_path):
    lines = [
        json.dumps(ONE).encode(),
        b'{"id": "x',
        b"[1]",
        b'{"a": {"b": 1, "b": 2}}',
        b"\xff\xfe",
        json.dumps(TWO).encode(),
    ]
    items = items_of(tmp_path, "a.ndjson", b"\n".join(lines))
    assert [(item.line, item.error) for item in items] == [
        (1, None),
        (2, Reason.NOT_JSON),
        (3, Reason.NOT_A_RESOURCE),
        (4, Reason.NOT_JSON),
        (5, Reason.NOT_JSON),
        (6, None),
    ]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.txt", "text/plain"),
        ("a.MD", "text/markdown"),
        ("a.html", "text/html"),
        ("a.rtf", "application/rtf"),
        ("a.pdf", "application/pdf"),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.xml", "application/xml"),
    ],
)
def test_documents_are_reports_without_a_resource(tmp_path, name, content_type):
    (item,) = items_of(tmp_path, name, b"<a>Carcinoma</a>")
    assert (item.content_type, item.is_text, item.holds_reports) == (content_type, True, True)


def test_notes_and_other_data_in_a_folder_are_left_out_with_a_word(tmp_path):
    for name in ("README.md", "manifest.jsonl", "index.jsonl.gz", "a.png"):
        (tmp_path / name).write_bytes(b"x")
    assert list(read([str(tmp_path)])) == []
    (told,) = ignored([str(tmp_path), str(tmp_path / "README.md"), "-"])
    assert told == (
        f"{tmp_path}: left out 3 of *.jsonl, *.jsonl.gz, *.md; name such files to read them"
    )
    for name in ("a.pdf", "b.html", "c.ndjson.gz", "d.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [item.file.rpartition("/")[2] for item in read([str(tmp_path)])] == [
        "a.pdf",
        "b.html",
        "c.ndjson.gz",
        "d.txt",
    ]


def test_documents_may_be_compressed(tmp_path):
    (good,) = items_of(tmp_path, "a.txt.gz", gzip.compress(b"Carcinoma"))
    assert (good.raw, good.content_type) == (b"Carcinoma", "text/plain")
    (bad,) = items_of(tmp_path, "b.pdf.gz", gzip.compress(b"Carcinoma")[:-4])
    assert (bad.error, bad.holds_reports) == (Reason.UNREADABLE_DOCUMENT, True)


def test_fhir_in_xml_is_explained(tmp_path):
    (item,) = items_of(
        tmp_path,
        "a.xml",
        b'<?xml version="1.0"?>\n<DiagnosticReport xmlns="http://hl7.org/fhir"></DiagnosticReport>',
    )
    assert (item.error, "JSON" in item.detail) == (Reason.NOT_JSON, True)


def test_urns_without_ids_are_resolved_within_a_bundle(tmp_path):
    urn = "urn:uuid:5a7d5c3e-1111-4222-8333-9999aaaabbbb"
    bundle = {
        "resourceType": "Bundle",
        "entry": [
            {"fullUrl": urn, "resource": {"resourceType": "Binary", "data": "YQ=="}},
            {"resource": ONE | {"presentedForm": [{"url": urn}]}},
        ],
    }
    (item,) = items_of(tmp_path, "b.json", json.dumps(bundle).encode())
    (report,) = reports_in(item.resource)
    assert report["presentedForm"] == [{"url": f"Binary/{urn.removeprefix('urn:uuid:')}"}]
    assert f"Binary/{urn.removeprefix('urn:uuid:')}" in [
        f"{c['resourceType']}/{c['id']}" for c in companions_in(item.resource)
    ]


@given(st.binary(max_size=80) | st.text('{}[]":,1a\n ', max_size=60).map(str.encode), st.booleans())
def test_no_bytes_raise_anything_else(raw, in_lines):
    with contextlib.suppress(UnreadableFileError):
        chunks = list(json_chunks(unpacked(raw), in_lines=in_lines))
        assert all(chunk.detail is None or chunk.value is None for chunk in chunks)
