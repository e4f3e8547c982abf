"""Results that HAPI HL7v2's client sends over MLLP have their findings in HAPI FHIR: F, then C, then X."""

import itertools
from pathlib import Path

import pytest

from tests.bridge.circle import all_withdrawn
from tests.maven import class_path, java, run

HERE = Path(__file__).parent
TEXT = """FINAL DIAGNOSIS:
Left breast, core biopsy & clip: Invasive ductal carcinoma, Nottingham grade 2 | checked by M\u00fcller.
Tumor size: 14 mm.
ER positive (95%). PR negative. HER2 negative.
"""
PATIENT = {
    "resourceType": "Patient",
    "id": "hl7v2-patient",
    "identifier": [{"system": "urn:oid:1.2.826.0.1.7", "value": "MRN-7"}],
}


@pytest.fixture(scope="module")
def send(circle, tmp_path_factory):
    """Send a result with HAPI HL7v2; returns what it prints of the acknowledgement."""
    circle.put(PATIENT)
    classes = class_path(HERE / "hl7v2-client.xml", "hl7v2-client")
    folder, numbers = tmp_path_factory.mktemp("results"), itertools.count()

    def sending(filler, status, text, patient="MRN-7"):
        file = folder / f"{next(numbers)}.txt"
        file.write_text(text, encoding="utf-8")
        program = [str(HERE / "SendResult.java"), str(circle.mllp_port), filler, status, patient]
        utf_8 = ["-Dca.uhn.hl7v2.llp.charset=UTF-8", "-Dfile.encoding=UTF-8"]
        return run([java(), *utf_8, "-cp", classes, *program, str(file)]).strip()

    return sending


def findings(circle):
    """The findings of the only patient of these tests."""
    found = circle.search("Observation?_count=200") + circle.search("Condition?_count=200")
    return [r for r in found if r.get("subject") == {"reference": f"Patient/{PATIENT['id']}"}]


def sizes(circle):
    valid = [f for f in findings(circle) if f.get("status") != "entered-in-error"]
    parts = [part for finding in valid for part in (finding, *finding.get("component", []))]
    return {part["valueQuantity"]["value"] for part in parts if "valueQuantity" in part}


def test_a_result_its_correction_and_its_cancellation(circle, send):
    assert send("F-1", "P", "Draft: no malignancy.") == "AA", "a preliminary result is not read"
    assert send("F-1", "F", TEXT) == "AA"
    circle.until(lambda: any(f["resourceType"] == "Condition" for f in findings(circle)))
    assert circle.until(lambda: 14 in sizes(circle))
    assert send("F-1", "C", TEXT.replace("14 mm", "41 mm")) == "AA"
    circle.until(lambda: 41 in sizes(circle) and 14 not in sizes(circle))
    assert send("F-1", "X", "") == "AA"
    circle.until(lambda: all_withdrawn(findings(circle)))


def test_a_result_that_cannot_be_accepted_is_refused(send):
    assert send("F-2", "Z", TEXT) == "AR 103"
