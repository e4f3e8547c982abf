"""No resource contradicts another one of its report, nor its lesion: for all reading cases, and in general."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.mapping.build import build
from oncofhir.fhir.mapping.finding_slots import assign_slots
from oncofhir.fhir.mapping.output_options import OutputOptions
from oncofhir.fhir.mapping.written_findings import written_findings
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.rules import Rules
from oncofhir.schemas.context import Temporality
from oncofhir.schemas.finding import Evidence, Finding, Kind
from oncofhir.schemas.lesion import Behaviour, Lesion
from oncofhir.settings import StagingSystem
from oncofhir.terminology.coding import codings, diagnosis_codings
from tests.consistency import contradictions
from tests.findings import MODEL, context_of, extraction_of
from tests.findings import report_of as pathology_report
from tests.reading_answers import answers_of, perfect, wrong
from tests.reading_cases import FILES, cases_of, report_of

BY_AJCC = OutputOptions(staging_system=StagingSystem.AJCC_8)


class Answers:
    """Answers that are known beforehand, so that interpretation and mapping are asked alone."""

    def __init__(self, answers):
        self.answers = answers
        self.prompt_set = Rules().prompt_set

    async def identify(self):
        return MODEL

    async def model_that_answered(self, report):
        return MODEL

    async def answer(self, _):
        return self.answers


def contradictions_of(report, extraction):
    context = context_of(report, options=BY_AJCC)
    plan = build(context, extraction, 1)
    written = written_findings(extraction, report.text, BY_AJCC.staging_system)
    findings = assign_slots([finding for finding, _ in written], {})
    return list(contradictions(plan, findings, extraction))


@pytest.mark.parametrize("file", FILES)
def test_no_case_contradicts_itself_whatever_the_answers(file):
    async def extractions():
        rules = Extractor(Rules())
        for case in cases_of(file):
            report = report_of(case)
            yield case, report, await rules.extract(report)
            by_kind = {}
            for kind, text, _ in wrong(case):
                by_kind.setdefault(kind, []).append(text)
            for given_ in (perfect(case), by_kind):
                answers = Answers(answers_of(given_))
                yield case, report, await Extractor(answers).extract(report, MODEL)

    async def found():
        return {
            (case.id, message)
            async for case, report, extraction in extractions()
            for message in contradictions_of(report, extraction)
        }

    assert asyncio.run(found()) == set()


TEXT = "A report whose words are not asked here."
ORGANS = ("breast", "lung", "liver", "colon", "prostate")
NAMES = {
    "breast": ("invasive ductal carcinoma", "ductal carcinoma in situ", "lobular carcinoma"),
    "lung": ("adenocarcinoma", "small cell carcinoma", "adenocarcinoma in situ"),
    "liver": ("hepatocellular carcinoma", "adenocarcinoma", "carcinoma"),
    "colon": ("adenocarcinoma", "adenocarcinoma in situ", "tubular adenoma"),
    "prostate": ("adenocarcinoma", "acinar adenocarcinoma", "carcinoma"),
}


def finding(kind, value, lesion, part, *, slot=None, coded=None):
    quote = Evidence(start=0, end=1, text="A", path="Text", attachment_start=0)
    size = {"number": 20.0, "unit": "mm", "dimensions": (20.0,)} if kind is Kind.TUMOR_SIZE else {}
    found = codings(kind, slot, value) if coded is None else coded
    return Finding(
        kind=kind, slot=slot, value=value, raw=value, evidence=(quote,), codings=found,
        part=part, lesion=lesion, **size,
    )  # fmt: skip


@st.composite
def reports_of_lesions(draw):
    """One to three lesions with findings; a diagnosis may have the codes of another behaviour."""
    lesions, findings = [], []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        organ = draw(st.sampled_from(ORGANS))
        side = (
            draw(st.sampled_from(["left", "right", None])) if organ in {"breast", "lung"} else None
        )
        lesion = Lesion(
            id=str(number),
            behaviour=draw(st.sampled_from(Behaviour)),
            temporality=draw(st.sampled_from([Temporality.CURRENT] * 4 + [Temporality.EARLIER])),
            organ=organ,
            laterality=side,
            primary_organ=draw(st.none() | st.sampled_from(ORGANS)),
            part=draw(st.sampled_from([None, "A", "B"])),
        )
        lesions.append(lesion)
        told = draw(st.sampled_from([lesion.behaviour] * 3 + list(Behaviour)))
        value = f"{organ} cancer"
        coded = diagnosis_codings(value, behaviour=told, organ=organ, laterality=side)
        of = (lesion.id, lesion.part)
        named = draw(st.sampled_from(NAMES[organ]))
        possible = [
            finding(Kind.DIAGNOSIS, value, *of, coded=coded),
            finding(Kind.HISTOLOGICAL_TYPE, named, *of),
            finding(Kind.TUMOR_SITE, organ, *of),
            finding(Kind.CANCER_STAGE, draw(st.sampled_from(["I", "II"])), *of, slot="group"),
            finding(Kind.CANCER_STAGE, "pT2", *of, slot="t"),
            finding(Kind.CANCER_GRADE, draw(st.sampled_from(["2", "3+4=7"])), *of),
            finding(Kind.TUMOR_SIZE, "20 mm", *of),
            *([finding(Kind.TUMOR_LATERALITY, side, *of)] if side else []),
        ]
        findings += [one for one in possible if draw(st.booleans())]
    if draw(st.booleans()):  # of which lesion, the report does not say
        findings.append(finding(Kind.CANCER_STAGE, "IV", None, None, slot="group"))
    extraction = extraction_of(*findings).model_copy(update={"lesions": tuple(lesions)})
    return pathology_report(TEXT), extraction


@given(reports_of_lesions())
def test_no_report_of_lesions_contradicts_itself(read):
    assert contradictions_of(*read) == []
