"""Confidence curves, and whom they hold for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.calibration import Calibration, Curve, load_calibration
from oncofhir.inference.extractor import Extractor
from oncofhir.schemas.extraction import Answer, ModelIdentity, PromptSetIdentity
from oncofhir.schemas.finding import Kind, Rejection

MODEL = ModelIdentity(name="m", digest="d", server="s")
PROMPTS = PromptSetIdentity(name="p", version="1", sha256="p")
CURVE = Curve(confidence=(0.5, 0.9), right=(0.2, 0.8))
CALIBRATION = Calibration(
    model_digest="d",
    prompt_set_sha256="p",
    dataset_sha256="x",
    seed=1,
    findings=20,
    overall=CURVE,
    kinds={Kind.DIAGNOSIS: Curve(confidence=(0.0, 1.0), right=(0.0, 0.1))},
)


class Certain:
    """An answerer that says one thing, quite sure of it."""

    prompt_set = PROMPTS

    async def identify(self):
        return MODEL

    async def model_that_answered(self, report):
        return MODEL

    async def answer(self, report):
        return (
            Answer(question="tumor size", text="2.5 cm", finish_reason="stop", confidence=0.7),
            Answer(question="cancer grade", text="2", finish_reason="stop"),
        )

    async def aclose(self):
        pass


async def extraction(**settings):
    report = report_from_text(b"Left breast: invasive ductal carcinoma, grade 2, 2.5 cm.", "r")
    return await Extractor(Certain(), **settings).extract(report)


def run(**settings):
    import asyncio

    return asyncio.run(extraction(**settings))


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_curve_never_falls(a, b):
    low, high = sorted((a, b))
    assert 0 <= CURVE.at(low) <= CURVE.at(high) <= 1


@pytest.mark.parametrize(
    ("confidence", "right"), [(0.5, 0.2), (0.7, 0.5), (0.9, 0.8), (0, 0.2), (1, 0.8)]
)
def test_straight_between_points_and_level_beyond(confidence, right):
    assert CURVE.at(confidence) == pytest.approx(right)


@pytest.mark.parametrize(
    ("xs", "ys"), [((0.5, 0.5), (0, 1)), ((0, 1), (1, 0)), ((0, 1), (0,)), ((0, 2), (0, 1))]
)
def test_what_is_no_curve(xs, ys):
    with pytest.raises(ValidationError):
        Curve(confidence=xs, right=ys)


def test_a_file_is_read_back_and_a_wrong_one_named(tmp_path):
    file = tmp_path / "calibration.json"
    file.write_text(CALIBRATION.model_dump_json())
    assert load_calibration(file) == CALIBRATION
    file.write_text('{"format": 1}')
    with pytest.raises(ValueError, match="is no calibration: model_digest"):
        load_calibration(file)
    with pytest.raises(ValueError, match="cannot read"):
        load_calibration(tmp_path / "none")


def test_findings_say_whether_their_confidence_is_calibrated():
    size, grade = run(calibration=CALIBRATION).findings
    assert (size.confidence, size.calibrated) == (pytest.approx(0.5), True)
    assert (grade.confidence, grade.calibrated) == (None, False)
    raw = run().findings[0]
    assert (raw.confidence, raw.calibrated) == (0.7, False)


def test_another_model_is_not_calibrated():
    other = CALIBRATION.model_copy(update={"model_digest": "e"})
    found = run(calibration=other).findings[0]
    assert (found.confidence, found.calibrated) == (0.7, False)


def test_the_answers_keep_what_the_server_gave():
    assert run(calibration=CALIBRATION).answers[0].confidence == 0.7


def test_thresholds_by_kind_look_at_the_calibrated_confidence():
    said = run(calibration=CALIBRATION, minimums={Kind.TUMOR_SIZE: 0.6})
    assert [r.reason for r in said.rejected] == [Rejection.LOW_CONFIDENCE]
    assert said.rejected[0].calibrated
    assert not run(minimums={Kind.TUMOR_SIZE: 0.6}).rejected
    assert not run(minimum_confidence=0.9, minimums={Kind.TUMOR_SIZE: 0.6}).rejected
