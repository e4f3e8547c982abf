"""One report in five formats: the same words, the same findings, and nothing that was taken back or hidden."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncofhir.fhir.intake.attachments.reader import read_attachment
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.read_report import read_report
from oncofhir.fhir.intake.source_reader import Companions
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.rules import Rules
from tests.documents import FORMATS, Run, report_in

LIMITS = IntakeLimits()
# Letters and punctuation that no format gives a meaning of its own; words between single blanks.
WORD = st.text("abcdefgXYZ0123456789.,:()%+/<>&{}\\äßµ≥", min_size=1, max_size=8)
SEEN = st.lists(WORD, min_size=1, max_size=4).map(" ".join)
LINE = st.lists(
    st.one_of(SEEN.map(Run), st.tuples(SEEN, st.integers(0, 29)).map(lambda pair: Run(*pair))),
    min_size=1,
    max_size=4,
).map(lambda runs: [Run("begin "), *runs])


def words(data, content_type):
    return read_attachment(data, content_type, "x", LIMITS).text.split()


@settings(max_examples=60)
@given(st.lists(LINE, min_size=1, max_size=5))
def test_all_formats_give_the_same_words(lines):
    lines = [[Run("Report")], *lines]
    kind, write = FORMATS["plain"]
    expected = words(write(lines), kind)
    for name, (content_type, written) in FORMATS.items():
        assert words(written(lines), content_type) == expected, name


REPORT = (
    (Run("SURGICAL PATHOLOGY REPORT"),),
    (Run("FINAL DIAGNOSIS:"),),
    (Run("LEFT BREAST, LUMPECTOMY:"),),
    (
        Run("- Invasive "),
        Run("ductal carcinoma, Nottingham grade 3, ", 0),
        Run("lobular carcinoma, Nottingham grade 2."),
    ),
    (Run("- Tumor size: "), Run("8.8 cm, ", 1), Run("1.4 cm.")),
    (
        Run("- Estrogen receptor: "),
        Run("negative ", 2),
        Run("positive."),
        Run(" HER2: positive.", 3),
    ),
    (Run("- Pathologic stage: pT4 pN3", 4), Run("- Pathologic stage: pT1c pN0.")),
)


def findings(name, lines):
    async def run():
        report = await read_report(report_in(name, lines), Companions(()), LIMITS)
        extraction = await Extractor(Rules()).extract(report)
        return {(f.kind, f.slot, f.value) for f in extraction.findings}

    return asyncio.run(run())


@pytest.mark.parametrize("turn", range(6))
@pytest.mark.parametrize("name", FORMATS)
def test_all_formats_give_the_same_findings(name, turn):
    """Each way of taking text back or hiding it stands at each place once."""
    lines = [
        [Run(r.text, None if r.unseen is None else r.unseen + turn) for r in line]
        for line in REPORT
    ]
    found = findings(name, lines)
    assert found == findings("plain", REPORT)
    values = {value for _, _, value in found}
    assert {"14 mm", "2", "pT1c", "pN0", "positive", "left"} <= values
    assert not {"88 mm", "3", "pT4", "pN3", "negative"} & values
