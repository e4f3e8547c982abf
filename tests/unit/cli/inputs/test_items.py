import io
import json
import sys

from oncofhir.cli.inputs.items import STDIN, missing, read, reports_in
from oncofhir.schemas.reasons import Reason

REPORT = {"resourceType": "DiagnosticReport", "id": "1"}


def test_a_folder_is_read_recursively_in_order_and_other_names_are_ignored(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.ndjson").write_text(json.dumps(REPORT) + "\n\n" + json.dumps(REPORT))
    (tmp_path / "a.json").write_text(json.dumps(REPORT, indent=1))
    (tmp_path / "c.txt").write_text("text")
    (tmp_path / "d.png").write_text("no")
    items = list(read([str(tmp_path)]))
    assert [(item.file.rpartition("/")[2], item.line) for item in items] == [
        ("a.json", None),
        ("two.ndjson", 1),
        ("two.ndjson", 3),
        ("c.txt", None),
    ]
    assert items[3].is_text
    assert items[3].raw == b"text"


def test_what_is_no_resource_is_an_item_with_an_error(tmp_path):
    file = tmp_path / "x.ndjson"
    file.write_bytes(b'{"resourceType": "DiagnosticRep\n[1]\n{"a": 1}\n\xff\xfe\n' + b"[" * 100_000)
    assert [item.error for item in read([str(file)])] == [
        Reason.NOT_JSON,
        Reason.NOT_A_RESOURCE,
        Reason.NOT_A_RESOURCE,
        Reason.NOT_JSON,
        Reason.NOT_JSON,
    ]


def test_byte_order_mark_is_read(tmp_path):
    file = tmp_path / "x.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(REPORT).encode())
    assert next(read([str(file)])).resource == REPORT


def test_standard_input_is_json_or_ndjson(monkeypatch):
    for raw, expected in [
        (json.dumps(REPORT, indent=2), [None]),
        (json.dumps(REPORT) + "\n" + json.dumps(REPORT), [1, 2]),
    ]:
        stream = io.TextIOWrapper(io.BytesIO(raw.encode()))
        monkeypatch.setattr(sys, "stdin", stream)
        assert [item.line for item in read([STDIN])] == expected


def test_reports_are_found_in_nested_bundles():
    inner = {"resourceType": "Bundle", "entry": [{"resource": REPORT}, {"request": {}}, None]}
    outer = {
        "resourceType": "Bundle",
        "entry": [{"resource": inner}, {"resource": {"resourceType": "Patient"}}],
    }
    assert list(reports_in(outer)) == [REPORT]


def test_missing_paths_are_named(tmp_path):
    assert missing([STDIN, str(tmp_path), str(tmp_path / "no")]) == [str(tmp_path / "no")]
