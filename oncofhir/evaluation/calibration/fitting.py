"""Fits a calibration on one half of a dataset and shows on the other what it is worth.

Isotonic regression (Zadrozny and Elkan, KDD 2002), scikit-learn's: the share right as a function of
confidence that never falls. A kind with fewer than `ENOUGH_OF_A_KIND` findings takes the curve of all.
"""

from collections.abc import Sequence
from typing import Any

from oncofhir.evaluation.calibration.reliability import Judged, in_first_half, judged, reliability
from oncofhir.evaluation.dataset import DatasetError
from oncofhir.evaluation.run import Measurement
from oncofhir.inference.calibration import Calibration, Curve
from oncofhir.schemas.finding import Kind

ENOUGH = 20
ENOUGH_OF_A_KIND = 50


def fit(measured: Measurement, dataset_sha256: str, seed: int) -> Calibration:
    """The calibration of the first half.

    Raises:
        DatasetError: the half has too few findings with a confidence (rules have none).
    """
    findings = judged([r for r in measured.reports if in_first_half(r.key, seed)])
    if len(findings) < ENOUGH:
        raise DatasetError(
            f"{len(findings)} labelled findings with a confidence in the half to fit on; "
            f"a calibration needs {ENOUGH}"
        )
    of_kind = {kind: [f for f in findings if f.kind is kind] for kind in Kind}
    return Calibration(
        model_digest=measured.model.digest,
        prompt_set_sha256=measured.prompt_set.sha256,
        dataset_sha256=dataset_sha256,
        seed=seed,
        findings=len(findings),
        overall=_curve(findings),
        kinds={
            kind: _curve(inside)
            for kind, inside in of_kind.items()
            if len(inside) >= ENOUGH_OF_A_KIND
        },
    )


def worth(measured: Measurement, calibration: Calibration) -> dict[str, Any]:
    """Reliability before and after on the half that was not fitted on."""
    kept = judged([r for r in measured.reports if not in_first_half(r.key, calibration.seed)])
    after = [
        f.model_copy(update={"confidence": calibration.of(f.kind, f.confidence)}) for f in kept
    ]
    return {
        "fitted_on": calibration.findings,
        "kinds": sorted(calibration.kinds),
        "before": reliability(kept),
        "after": reliability(after),
    }


def _curve(findings: Sequence[Judged]) -> Curve:
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - of the extra `evaluate`

    regression = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    regression.fit([f.confidence for f in findings], [float(f.right) for f in findings])
    points = dict(
        zip(regression.X_thresholds_.tolist(), regression.y_thresholds_.tolist(), strict=True)
    )
    return Curve(
        confidence=tuple(points), right=tuple(min(1.0, max(0.0, y)) for y in points.values())
    )
