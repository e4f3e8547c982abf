"""Files of HL7 v2 messages as inputs."""

import gzip

import pytest

from oncofhir.cli.inputs.items import explanations, read
from oncofhir.schemas.reasons import Reason
from tests.hl7v2_messages import mdm, obr, obx, oru

BATCH = "FHS|^~\\&|A\rBHS|^~\\&|A\r" + oru() + mdm() + "BTS|2\rFTS|1\r"


@pytest.mark.parametrize("line_end", ["\r", "\n", "\r\n"])
def test_each_report_of_a_file_is_an_item(tmp_path, line_end):
    (tmp_path / "one.hl7").write_bytes(oru().replace("\r", line_end).encode())
    (tmp_path / "two.hl7.gz").write_bytes(gzip.compress(BATCH.replace("\r", line_end).encode()))
    items = list(read([str(tmp_path)]))
    assert [(item.line, item.resource["resourceType"]) for item in items] == [
        (None, "DiagnosticReport"),
        (1, "DiagnosticReport"),
        (2, "DocumentReference"),
    ]
    assert {c["resourceType"] for c in items[0].companions} == {"DiagnosticReport", "Patient"}
    assert all(item.holds_reports for item in items)


def test_a_message_that_cannot_be_read_is_explained(tmp_path):
    file = tmp_path / "bad.hl7"
    file.write_bytes((oru() + oru(obr(status=""), obx("x"))).encode())
    good, bad = read([str(file)])
    assert (good.error, bad.error, bad.line) == (None, Reason.MISSING_STATUS, 2)
    assert list(explanations([good, bad])) == [f"{file}:2: missing-status: OBR-25"]


def test_a_file_without_a_message_is_a_reason(tmp_path):
    for content in (b"", b"text", b"\x1f\x8b\x08broken"):
        file = tmp_path / "x.hl7"
        file.write_bytes(content)
        (item,) = read([str(file)])
        assert item.error is Reason.INVALID_HL7V2
