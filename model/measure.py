"""Scores the exported model on labelled reports, from the text to the findings, beside the rules.

    python -m model.measure REPORTS.jsonl [--held-out] [--rules]

The file is in the evaluator's format; a missing label is not counted. A finding is right if its normal
form is the label's: 2.5 cm is 25 mm, "moderately differentiated" is 2. A site is right if it is of the
same organ; a histology if it shares a word other than "carcinoma". `--held-out` takes only the reports
that training keeps out (`questions.HELD_OUT`).
"""

import argparse
import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.local import LocalModel
from model.questions import is_held_out
from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.prompting.prompted_model import PromptedModel
from oncofhir.inference.prompting.prompts import load_prompt_set
from oncofhir.inference.rules import Rules
from oncofhir.schemas.finding import Finding, Kind
from oncofhir.terminology.sites import find_sites

_KINDS = {
    "tumor_size": Kind.TUMOR_SIZE,
    "tumor_site": Kind.TUMOR_SITE,
    "tumor_laterality": Kind.TUMOR_LATERALITY,
    "cancer_grade": Kind.CANCER_GRADE,
    "histological_type": Kind.HISTOLOGICAL_TYPE,
}
_COMMON = {"carcinoma", "cell", "of", "type", "the", "nos", "malignant", "invasive", "infiltrating"}
_SAME = {"no": "ductal", "special": "ductal", "duct": "ductal"}


def pairs(row: dict[str, Any], findings: tuple[Finding, ...]) -> Iterator[tuple[str, Any, Any]]:
    """(measure, gold, found) for each label; None is absent."""
    labels = row["labels"]
    by_kind = {(f.kind, f.slot): f.value for f in reversed(findings)}
    for name, kind in _KINDS.items():
        if name in labels:
            yield name, labels[name], by_kind.get((kind, None))
    if "cancer_stage" in labels:
        gold = {slot_of(part): part for part in (labels["cancer_stage"] or "").split()}
        for slot in ("t", "n"):
            yield f"stage {slot.upper()}", gold.get(slot), by_kind.get((Kind.CANCER_STAGE, slot))
    for receptor in ("ER", "PR", "HER2") if "hormone_receptors" in labels else ():
        gold_status = (labels["hormone_receptors"] or {}).get(receptor)
        yield "receptor", gold_status, by_kind.get((Kind.HORMONE_RECEPTOR, receptor))
    if row.get("diagnosis"):
        yield "diagnosis", row["diagnosis"], by_kind.get((Kind.DIAGNOSIS, None))


def slot_of(part: str) -> str:
    """T, N, M or the group that a word of a stage belongs to."""
    return next((slot for slot in "tnm" if slot.upper() in part), "group")


def same(measure: str, gold: str, found: str) -> bool:
    """Whether two values mean the same, in normal form."""
    gold, found = gold.lower(), found.lower()
    if measure in {"tumor_site", "diagnosis"}:
        organs = ({site.key for site, _, _ in find_sites(text)} for text in (gold, found))
        first, second = organs
        return bool(first & second) or found in gold or gold in found
    if measure == "histological_type":
        first, second = (
            {_SAME.get(word, word) for word in re.findall(r"[a-z]+", text)} - _COMMON
            for text in (gold, found)
        )
        return bool(first & second)
    if measure.startswith("stage"):
        return re.sub(r"^[a-z]*(?=[tnm])|\(.*", "", gold) == re.sub(
            r"^[a-z]*(?=[tnm])|\(.*", "", found
        )
    return gold == found


async def scores(rows: list[dict[str, Any]], extractor: Extractor) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 per measure, over the labelled reports."""
    right: dict[str, int] = defaultdict(int)
    claimed: dict[str, int] = defaultdict(int)
    wanted: dict[str, int] = defaultdict(int)
    model = await extractor.identify()
    for row in rows:
        report = report_from_text(row["text"].encode(), row["id"])
        extraction = await extractor.extract(report, model)
        for measure, gold, found in pairs(row, extraction.findings):
            if gold is None:
                continue  # what a label leaves open is no error
            wanted[measure] += 1
            claimed[measure] += found is not None
            right[measure] += found is not None and same(measure, gold, found)
    await extractor.aclose()
    return {
        measure: {
            "labels": wanted[measure],
            "precision": round(right[measure] / max(1, claimed[measure]), 2),
            "recall": round(right[measure] / wanted[measure], 2),
            "f1": round(2 * right[measure] / (claimed[measure] + wanted[measure]), 2),
        }
        for measure in wanted
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--rules", action="store_true", help="measure the rules, not the model")
    parser.add_argument("--gguf", type=Path, help="another GGUF file than the committed one")
    arguments = parser.parse_args()
    rows = [json.loads(row) for row in arguments.file.read_text(encoding="utf-8").splitlines()]
    if arguments.held_out:
        rows = [row for row in rows if is_held_out(row["id"])]
    model = LocalModel(arguments.gguf) if arguments.gguf else None
    answerer = (
        Rules()
        if arguments.rules
        else PromptedModel(model or LocalModel(), load_prompt_set("oncofhir-small"))
    )
    found = asyncio.run(scores(rows, Extractor(answerer)))
    mean = sum(score["f1"] for score in found.values()) / max(1, len(found))
    print(json.dumps({"reports": len(rows), "macro_f1": round(mean, 3), "scores": found}, indent=1))


if __name__ == "__main__":
    main()
