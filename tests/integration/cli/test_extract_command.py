"""`oncofhir extract`, held to the contract to the letter; at a terminal it is a process."""

import base64
import json
import os
import pty
from contextlib import suppress

import pytest

from tests.builders import BREAST, CANARY, pathology_report
from tests.command import run_here, start_process
from tests.documents import FORMATS, Run
from tests.forked_process import PIPE
from tests.pdfs import Page, pdf
from tests.waiting import PATIENCE_SECONDS


def extract(*arguments: str, stdin: bytes = b"", status: int = 0) -> list[dict]:
    ran = run_here("extract", *arguments, stdin=stdin)
    assert ran.returncode == status, ran.stderr.decode()
    assert ran.stdout.isascii()
    assert CANARY.encode() not in ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture
def folder(tmp_path):
    reports = [
        pathology_report("a", BREAST),
        {"resourceType": "Patient", "id": "p1", "gender": "female"},
        pathology_report("b", BREAST, status="preliminary"),
        {
            "resourceType": "DocumentReference",
            "id": "c",
            "status": "current",
            "type": {"coding": [{"system": "http://loinc.org", "code": "11526-1"}]},
            "subject": {"reference": "Patient/p1"},
            "content": [{"attachment": {"contentType": "text/plain", "url": "Binary/x"}}],
        },
        {
            "resourceType": "Binary",
            "id": "x",
            "contentType": "text/plain",
            "data": base64.b64encode(BREAST.encode()).decode(),
        },
    ]
    lines = [json.dumps(r) for r in reports] + ["{broken", "[1]"]
    (tmp_path / "a.ndjson").write_text("\n".join(lines))
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": reports[0]}]}
    (tmp_path / "b.json").write_text(json.dumps(bundle))
    (tmp_path / "c.txt").write_text(BREAST)
    (tmp_path / "d.png").write_text("ignored")
    return tmp_path


def test_one_line_a_report_in_input_order_whatever_becomes_of_it(folder):
    lines = extract(str(folder), "--model", "rules", status=1)
    seen = [
        (line["source"]["line"], line["source"]["id"], line["skipped"], line["error"])
        for line in lines
    ]
    assert seen == [
        (1, "a", None, None),
        (3, "b", "not-final", None),
        (4, "c", None, None),
        (6, None, None, "not-json"),
        (7, None, None, "not-a-resource"),
        (None, "a", None, None),
        (None, None, None, None),
    ]
    for line in lines:
        assert set(line["source"]) == {"file", "line", "type", "id", "version"}


FRENCH = (
    "Compte rendu : tumorectomie du sein droit. Carcinome infiltrant de type non spécifique, grade II, "
    "mesurant 15 mm de grand axe. Absence d'embole vasculaire. Les limites sont saines. pT1c pN0."
)


def test_a_report_in_a_language_that_is_not_read_says_so_and_nothing_of_it_is_read(
    tmp_path, monkeypatch
):
    (tmp_path / "a.json").write_text(json.dumps(pathology_report("a", FRENCH)))
    (tmp_path / "b.txt").write_text(FRENCH, encoding="utf-8")
    for line in extract(str(tmp_path), "--model", "rules"):
        assert (line["skipped"], line["error"]) == ("language-not-read", None)
        assert not line["findings"]
    monkeypatch.setenv("ONCOFHIR_INTAKE__LANGUAGES", '["en", "fr"]')
    for line in extract(str(tmp_path), "--model", "rules"):
        assert line["skipped"] is None
        assert line["findings"]


def test_findings_quote_the_report_exactly(folder):
    findings = extract(str(folder / "c.txt"), "--model", "rules")[0]
    report = extract(str(folder / "c.txt"), "--output", "report")[0]["report"]
    assert findings["findings"]
    for finding in findings["findings"]:
        assert set(finding) >= {
            "kind", "slot", "value", "number", "unit", "dimensions", "basis", "raw", "confidence",
            "evidence", "codings",
        }  # fmt: skip
        assert finding["evidence"]
        for evidence in finding["evidence"]:
            assert report["text"][evidence["start"] : evidence["end"]] == evidence["text"]
    values = {(f["kind"], f["slot"]): f["value"] for f in findings["findings"]}
    assert values["tumor-size", None] == "23 mm"
    assert values["cancer-stage", "t"] == "pT2"
    assert values["hormone-receptor", "HER2"] == "negative"
    assert values["diagnosis", None] == "breast cancer"


@pytest.mark.parametrize("output", ["findings", "report", "bundle", "rows"])
def test_each_output_has_its_key(folder, output):
    for line in extract(str(folder / "b.json"), "--model", "rules", "--output", output):
        assert line[output]


def test_the_bundle_is_a_transaction_with_the_head_last(folder):
    bundle = extract(str(folder / "b.json"), "--model", "rules", "--output", "bundle")[0]["bundle"]
    assert bundle["type"] == "transaction"
    assert bundle["entry"][-1]["resource"]["resourceType"] == "Task"


def test_standard_input(folder):
    lines = extract("-", "--model", "rules", stdin=(folder / "b.json").read_bytes())
    assert [line["source"]["file"] for line in lines] == ["-"]


def test_the_embedded_model(folder):
    lines = extract(str(folder / "c.txt"))
    assert lines[0]["error"] is None
    assert lines[0]["findings"]
    # What the report says itself and no answer names has none.
    assert any(f["confidence"] is not None for f in lines[0]["findings"])


def test_a_calibration_that_cannot_be_read_is_2(folder, monkeypatch):
    monkeypatch.setenv("ONCOFHIR_MODEL__CALIBRATION_FILE", str(folder / "none.json"))
    extract(str(folder / "c.txt"), "--model", "rules", status=2)


def test_wrong_usage_is_2_and_an_unreachable_model_3(folder):
    extract(str(folder / "nothing.json"), status=2)
    extract(str(folder / "c.txt"), "--model", "wrong", status=2)
    extract(str(folder / "c.txt"), "--model", "http://127.0.0.1:9", status=3)
    extract(
        str(folder / "c.txt"), "--model", "http://127.0.0.1:9", "--prompt-set", "none", status=2
    )


def on_a_terminal(*arguments: str) -> str:
    """What a person sees of stdout at a terminal."""
    ours, theirs = pty.openpty()
    ran = start_process("extract", *arguments, stdout=theirs, stderr=PIPE)
    os.close(theirs)
    said = b""
    with suppress(OSError):  # EIO: the other end is closed
        while read := os.read(ours, 65536):
            said += read
    os.close(ours)
    _, err = ran.communicate(timeout=PATIENCE_SECONDS)
    assert ran.returncode == 0, err
    return said.decode()


@pytest.mark.parametrize("output", ["report", "bundle", "rows"])
def test_at_a_terminal_only_findings_are_a_table(tmp_path, output):
    file = tmp_path / "c.txt"
    file.write_text(BREAST)
    said = on_a_terminal(str(file), "--model", "rules", "--output", output)
    (line,) = [json.loads(one) for one in said.splitlines()]
    assert line[output]


def test_findings_are_a_table_at_a_terminal(tmp_path):
    file = tmp_path / "c.txt"
    file.write_text(BREAST)
    said = on_a_terminal(str(file), "--model", "rules")
    assert "diagnosis: " in said
    assert "HER2 status: negative (SNOMED CT " in said
    assert said.index("diagnosis: ") < said.index("tumor size: ") < said.index("HER2 status: ")


def told(*arguments: str, stdin: bytes = b"") -> str:
    return run_here("extract", "--output", "report", *arguments, stdin=stdin).stderr.decode()


def test_where_there_is_no_report_it_is_said(tmp_path):
    assert f"no reports in {tmp_path}" in told(str(tmp_path))
    patient = tmp_path / "p.json"
    patient.write_text('{"resourceType": "Patient", "id": "p1"}')
    assert f"no reports in {patient}" in told(str(patient))


def test_text_on_standard_input_gives_one_line_and_one_explanation():
    ran = run_here("extract", "--output", "report", "-", stdin=BREAST.encode())
    (line,) = map(json.loads, ran.stdout.splitlines())
    assert (line["source"]["file"], line["error"]) == ("-", "not-json")
    said = ran.stderr.decode()
    assert said.count("standard input is not JSON") == 1
    assert "*.txt" in said
    assert CANARY not in said


def test_lines_of_which_some_are_json_are_answered_one_by_one():
    report = json.dumps(pathology_report("a", BREAST))
    ran = run_here("extract", "--output", "report", "-", stdin=f"{report}\n{{broken\n".encode())
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(line["source"]["line"], line["error"]) for line in lines] == [
        (1, None),
        (2, "not-json"),
    ]


def test_a_file_that_is_no_report_is_explained(tmp_path):
    file = tmp_path / "notes.odt"
    file.write_bytes(b"PK\x03\x04\xff\xfe")
    ran = run_here("extract", "--output", "report", str(file))
    assert ran.returncode == 1
    assert f"{file}: the file is not text" in ran.stderr.decode()


def test_documents_are_read_as_attachments_are(tmp_path):
    lines = [[Run("FINAL DIAGNOSIS: Invasive carcinoma, "), Run("9.9 cm, ", 1), Run("1.4 cm.")]]
    for name, (_, write) in FORMATS.items():
        suffix = {"plain": "txt", "CDA": "xml"}.get(name, name.lower())
        (tmp_path / f"report.{suffix}").write_bytes(write(lines))
    (tmp_path / "scan.pdf").write_bytes(pdf(Page(has_image=True)))
    ran = run_here("extract", "--output", "report", "--json", str(tmp_path))
    printed = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["source"]["file"].rpartition(".")[2] for line in printed] == [
        "docx",
        "html",
        "rtf",
        "txt",
        "xml",
        "pdf",
    ]
    assert printed.pop()["skipped"] == "no-text-layer"
    assert {" ".join(line["report"]["text"].split()) for line in printed} == {
        "FINAL DIAGNOSIS: Invasive carcinoma, 1.4 cm."
    }


@pytest.mark.scenario
def test_what_was_not_written_is_named_at_a_terminal(tmp_path):
    file = tmp_path / "c.txt"
    file.write_text(f"{BREAST}\nPossible lung metastasis.\n")
    said = on_a_terminal(str(file), "--model", "embedded")
    assert "not written: " in said
    assert "tumor site lung (contradicted)" in " ".join(said.split())


def test_settings_that_change_the_output_are_named(folder, monkeypatch):
    file = str(folder / "c.txt")
    assert b"STAGING" not in run_here("extract", file, "--model", "rules").stderr
    monkeypatch.setenv("ONCOFHIR_FHIR__STAGING_SYSTEM", "ajcc-8")
    said = run_here("extract", file, "--model", "rules").stderr
    assert said == b"oncofhir: with ONCOFHIR_FHIR__STAGING_SYSTEM=ajcc-8\n"


def test_a_saved_record_is_opened_as_the_worker_opens_it(tmp_path):
    report = pathology_report("enveloped", BREAST)
    records = [
        {"schema": {"type": "string"}, "payload": json.dumps(report)},
        {"specversion": "1.0", "type": "t", "source": "/ehr", "id": "1", "data": report},
        json.dumps(report),
        {"before": None, "after": report, "op": "c"},
        {"no": "envelope"},
    ]
    (tmp_path / "r.ndjson").write_text("\n".join(map(json.dumps, records)))
    lines = extract(str(tmp_path), "--model", "rules", status=1)
    assert [line["source"]["id"] for line in lines] == ["enveloped"] * 4 + [None]
    assert all(line["findings"] for line in lines[:4])
    assert lines[4]["error"] == "not-a-resource"


def test_content_in_a_data_url_is_read_and_nothing_is_fetched(tmp_path):
    encoded = f"data:text/plain;charset=utf-8;base64,{base64.b64encode(BREAST.encode()).decode()}"
    for number, form in enumerate(({"data": encoded}, {"url": encoded})):
        report = pathology_report(f"r{number}", BREAST)
        report["presentedForm"] = [{"contentType": "text/plain", **form}]
        (tmp_path / f"{number}.json").write_text(json.dumps(report))
    for line in extract(str(tmp_path), "--model", "rules"):
        assert line["findings"]
        assert "data:" not in json.dumps(line)
