"""Labelled reports and what was found of them, for tests."""

from oncofhir.evaluation.calibration.observed import Claim, Observed, kind_of
from oncofhir.evaluation.dataset import LabelledReport


def labelled(
    text="Left breast: invasive ductal carcinoma, 2.5 cm.", ident="one", diagnosis=..., **labels
):
    line = {"id": ident, "text": text, "labels": labels}
    if diagnosis is not ...:
        line["diagnosis"] = diagnosis
    return LabelledReport.model_validate(line)


def observed(gold, found, key="k", confidence=None):
    """`found` is values by item, None for nothing."""
    claims = {
        item.name: (Claim(value=value, kind=kind_of(item), confidence=confidence),)
        for item, value in found.items()
        if value is not None
    }
    return Observed(key=key, gold=tuple(gold.items()), found=claims)
