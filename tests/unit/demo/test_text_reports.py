"""Document files become reports that the demo can publish."""

import base64
import re

from hypothesis import given
from hypothesis import strategies as st

from oncofhir.demo.text_reports import TEXT_PATIENT, text_report


@given(st.text(min_size=1).filter(lambda name: "/" not in name and "\0" not in name), st.binary())
def test_any_file_is_a_report_with_a_valid_id_and_its_bytes(name, raw):
    report = text_report(3, f"folder/{name}", raw, "application/pdf")
    assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", report["id"])
    (form,) = report["presentedForm"]
    assert form["contentType"] == "application/pdf"
    assert base64.b64decode(form["data"]) == raw
    assert report["subject"]["reference"] == f"Patient/{TEXT_PATIENT['id']}"


def test_files_of_one_name_are_different_reports():
    ids = {text_report(number, "a.txt", b"", "text/plain")["id"] for number in range(3)}
    assert len(ids) == 3
