"""Answers for real reports, by the registry's labels and by careful patterns; no answer where in doubt.

The texts are those of the folder that `--real` names (model/README.md says how to obtain them); none is
part of this project. An answer counts only if its words stand in what the model is given.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oncofhir.inference.retrieval import excerpt, questions

MISSING = "not mentioned"
LONGEST_ANSWER = 48
_NUMBER = r"\d+(?:\.\s?\d+)?(?:\s*(?:cm|mm))?"
_DIMENSIONS = rf"{_NUMBER}(?:\s*x\s*{_NUMBER}){{0,2}}"
_SIZE = _DIMENSIONS.removesuffix("?") + r"?\s*(?:cm|mm)"
_SIZE_AFTER_NAME = re.compile(
    r"(?:tumou?r size|greatest dimension|greatest diameter|maximum dimension|size of tumou?r)"
    rf"[^0-9]{{0,50}}?({_SIZE})"
)
_SIZE_OF_TUMOR = re.compile(
    r"(?:tumou?r|carcinoma|mass|lesion|nodule)[^0-9.]{0,40}?(?:measur\w+|is|of|,)[^0-9.]{0,20}?"
    rf"({_SIZE})"
)
_STAGE_RUN = re.compile(
    r"\b((?:y?[pc]\s?)?t\s?(?:is|[0-4lx1][a-d]?)[\s,;:()a-z0-9+\-/]{0,4}?\s?p?n\s?[0-3xo][a-c]?"
    r"(?:\s?\((?:sn|i-|i\+|mi)\))?[\s,;:/]{0,4}(?:[pc]?m\s?[01xo])?)"
)
_T_ALONE = re.compile(r"\b(y?pt\s?[0-4lx][a-d]?)\b")
_STAGE_GROUP = re.compile(r"stage[: ]+(i{1,3}v?|iv)([abc]?[1-3]?)\b")
_GLEASON = re.compile(r"gleason[^0-9]{0,25}(\d\s*\+\s*\d(?:\s*=\s*\d+)?)")
_GRADE = re.compile(r"(?:grade[: ]{0,3}(?:is )?|\bg)((iv|i{1,3}|[1-4])(?:\s*(?:/|of)\s*(?:iv|iii|[34]))?)\b")
_DIFFERENTIATED = re.compile(
    r"(well|moderately|poorly)(?:[- ]to[- ]\w+)?[- ]*differentiated|(undifferentiated)"
)
_LEVEL = re.compile(r"(high|low|intermediate)[- ]grade")
_RECEPTORS = {
    "er": r"(?:estrogen receptors?(?: protein)?|\ber\b)",
    "pr": r"(?:progesterone receptors?(?: protein)?|\bpr\b)",
    "her2": r"her[- ]?2(?:[- /]*neu)?(?: protein)?",
}
_STATUS = (
    r"[^.;]{0,45}?\b(positive|negative|equivocal|not amplified|amplified|not over ?expressed|indeterminate)"
)
_STATUS_NAMES = {
    "not amplified": "negative",
    "amplified": "positive",
    "not overexpressed": "negative",
    "not over expressed": "negative",
    "indeterminate": "equivocal",
}
_HISTOLOGY = re.compile(
    r"((?:(?:invasive|infiltrating|clear cell|papillary|mucinous|ductal|lobular|squamous|basal|hepatocellular|"
    r"renal|transitional|urothelial|serous|endometrioid|small|large|signet ring|adenoid cystic|follicular|"
    r"medullary|neuroendocrine|malignant|b|diffuse|cell|anaplastic|chromophobe|intrahepatic|acinar|"
    r"keratinizing|superficial|spreading|nodular|high grade|thyroid|prostatic|mixed)[ ,\-]{0,2}){0,5}"
    r"(?:carcinoma|adenocarcinoma|cholangiocarcinoma|melanoma|sarcoma|lymphoma|glioblastoma|astrocytoma|"
    r"oligodendroglioma|mesothelioma|seminoma|thymoma|leiomyosarcoma|liposarcoma))"
)
_PAIRED = re.compile(r"breast|kidney|lung|ovar|lobe|testi")


def real_questions(files: list[Path]) -> Iterator[tuple[str, str, str, str]]:
    """(report, question, what the model is given, answer) for every answer that is sure."""
    for file in files:
        for row in file.read_text(encoding="utf-8").splitlines():
            report = json.loads(row)
            for question in questions():
                given = excerpt(report["text"], question)
                answer = answer_to(question, given, report["labels"])
                if answer and len(answer) < LONGEST_ANSWER:
                    yield report["id"], question, given, answer


def answer_to(question: str, given: str, labels: dict[str, Any]) -> str | None:
    """The answer, or None where it is not sure. `given` is in lower case."""
    site = (labels.get("tumor_site") or "").split(",")[0].strip().lower()
    if question == "tumor laterality":
        return _laterality(given, labels.get("tumor_laterality"))
    if question == "tumor site":
        return site if site and site in given else None
    if question == "diagnosis":
        return f"{site} cancer" if site and site.split()[-1][:5] in given else None
    if question == "histological type":
        return _histology(given)
    if question == "tumor size":
        found = _SIZE_AFTER_NAME.search(given) or _SIZE_OF_TUMOR.search(given)
        return found[1] if found else None if re.search(_SIZE, given) else MISSING
    if question == "cancer grade":
        return _grade(given)
    if question == "cancer stage":
        return _stage(given)
    return _receptors(given, with_status=question.endswith("status"))


def _laterality(given: str, label: str | None) -> str | None:
    sides = set(re.findall(r"\b(left|right|bilateral|midline)\b", given))
    if label:
        both = label == "bilateral" and {"left", "right"} <= sides
        return label if label in sides or both else None
    if not sides:
        return MISSING
    return sides.pop() if len(sides) == 1 and _PAIRED.search(given) else None


def _histology(given: str) -> str | None:
    names = Counter(name.strip(" ,-") for name in _HISTOLOGY.findall(given))
    if not names:
        return None if re.search("cancer|tumor|malign", given) else MISSING
    return max(names.items(), key=lambda item: (len(item[0].split()) > 1, item[1], len(item[0])))[0]


def _grade(given: str) -> str | None:
    gleason = set(_GLEASON.findall(given))
    if len(gleason) == 1:
        return gleason.pop()
    numbered = _GRADE.findall(given)
    if len({number for _, number in numbered}) == 1:
        return f"grade {numbered[0][0]}"
    words = {a or b for a, b in _DIFFERENTIATED.findall(given)}
    if len(words) == 1 and not numbered:
        word = words.pop()
        return word if word == "undifferentiated" else f"{word} differentiated"
    levels = set(_LEVEL.findall(given))
    if len(levels) == 1 and not numbered and not words:
        return f"{levels.pop()} grade"
    return None if re.search("grade|differentiat|gleason", given) else MISSING


def _stage(given: str) -> str | None:
    found = _STAGE_RUN.search(given) or _T_ALONE.search(given)
    if found:
        return found[1].strip(" .,;")
    group = _STAGE_GROUP.search(given)
    if group:
        return f"stage {group[1]}{group[2]}"
    return None if re.search(r"stage|\bp?t[0-4]|staging", given) else MISSING


def _receptors(given: str, *, with_status: bool) -> str | None:
    found = []
    for name, pattern in _RECEPTORS.items():
        stated = re.search(pattern + _STATUS, given)
        if stated:
            found.append((name, _STATUS_NAMES.get(stated[1], stated[1])))
        elif re.search(pattern, given):
            return None
    if not found:
        return None if "receptor" in given else MISSING
    return ", ".join(f"{name} {status}" if with_status else name for name, status in found)
