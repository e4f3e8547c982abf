"""A case's values in the normal forms of the evaluator's labels: "2.5 x 2 cm" is "25 mm"."""

from typing import Any

from model.cases import MISSING, Case, answers
from oncofhir.inference.mentions.grade import grades
from oncofhir.inference.mentions.size import sizes
from oncofhir.inference.mentions.stage import stages


def line(ident: str, whole: str, of: Case) -> dict[str, Any]:
    """A line in the evaluator's format; where there is no cancer, where it would be is not labelled."""
    said = answers(of)
    labels = {
        "tumor_size": next((m.value for m in sizes(of.size or "")), None),
        "tumor_site": of.site,
        "tumor_laterality": of.laterality,
        "cancer_grade": next((m.value for m in grades(_named(of.grade))), None),
        "histological_type": of.histology,
        "cancer_stage": _stage(of.stage),
        "hormone_receptors": dict(of.receptors),
    }
    if of.benign is not None:
        del labels["tumor_site"], labels["tumor_laterality"]
    return {
        "id": ident,
        "text": whole,
        "labels": labels,
        "cancer_type": of.site if of.benign is None else "benign",
        "diagnosis": None if said["diagnosis"] == MISSING else said["diagnosis"],
    }


def _named(grade: str | None) -> str:
    """A bare "3+4" is a grade only behind its name."""
    return f"gleason {grade}" if grade and "+" in grade else grade or ""


def _stage(said: str | None) -> str | None:
    """The categories in normal form; "MX" says nothing and is no finding."""
    values = dict.fromkeys(m.value for m in stages(f"stage: {said}" if said else ""))
    return " ".join(value for value in values if not value.endswith("MX")) or None
