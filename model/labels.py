"""Answers for real reports, by the registry's labels and by careful patterns; no answer where in doubt.

The texts are those of the files that `--real` names (model/README.md says how to obtain them); none is
part of this project. An answer counts only if its words stand in what the model is given.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from model.cases import MISSING
from model.organs import Labels, diagnosis_of, site_said
from oncofhir.inference.lesions.size_target import LABELLED, OTHER, TUMOR, tumour_size_weight
from oncofhir.inference.mentions.grade import grades
from oncofhir.inference.mentions.size import sizes
from oncofhir.inference.prompting.retrieval import excerpt, questions

LONGEST_ANSWER = 48
_SIZE_LABEL = re.compile(r"tumou?r size|size of tumou?r|(?:greatest|largest) dimension:")
_STAGE_RUN = re.compile(
    r"\b((?:y?[pc]\s?)?t\s?(?:is|[0-4lx1][a-d]?)[\s,;:()a-z0-9+\-/]{0,4}?\s?p?n\s?[0-3xo][a-c]?"
    r"(?:\s?\((?:sn|i-|i\+|mi)\))?[\s,;:/]{0,4}(?:[pc]?m\s?[01xo])?)"
)
_T_ALONE = re.compile(r"\b(y?pt\s?[0-4lx][a-d]?)\b")
_STAGE_GROUP = re.compile(r"stage[: ]+(i{1,3}v?|iv)([abc]?[1-3]?)\b")
_LIVER_DAMAGE = re.compile(r"fibrosis|cirrhosis|hepatitis|trichrome|inflammat")
_GLEASON = re.compile(r"gleason[^0-9]{0,25}(\d\s*\+\s*\d(?:\s*=\s*\d+)?)")
_GRADE = re.compile(
    r"(?:grade[: ]{0,3}(?:is )?|\bg)((iv|i{1,3}|[1-4])(?:\s*(?:/|of)\s*(?:iv|iii|[34]))?)\b"
)
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
    r"[^.;]{0,45}?\b(positive|negative|equivocal|not amplified|amplified|not over ?expressed"
    r"|indeterminate)"
)
_STATUS_NAMES = {
    "not amplified": "negative",
    "amplified": "positive",
    "not overexpressed": "negative",
    "not over expressed": "negative",
    "indeterminate": "equivocal",
}
_HISTOLOGY = re.compile(
    r"((?:(?:invasive|infiltrating|clear cell|papillary|mucinous|ductal|lobular|squamous|basal"
    r"|hepatocellular|renal|transitional|urothelial|serous|endometrioid|small|large|signet ring"
    r"|adenoid cystic|follicular|medullary|neuroendocrine|malignant|b|diffuse|cell|anaplastic"
    r"|chromophobe|intrahepatic|acinar|keratinizing|superficial|spreading|nodular|high grade|thyroid"
    r"|prostatic|mixed)[ ,\-]{0,2}){0,5}"
    r"(?:carcinoma|adenocarcinoma|cholangiocarcinoma|melanoma|sarcoma|lymphoma|glioblastoma|astrocytoma|"
    r"oligodendroglioma|mesothelioma|seminoma|thymoma|leiomyosarcoma|liposarcoma))"
)
_PAIRED = re.compile(r"breast|kidney|lung|ovar|lobe|testi")


def real_questions(files: list[Path]) -> Iterator[tuple[str, str, str, str]]:
    """(report, question, what the model is given, answer) for every answer that is sure.

    A question for which nothing is retrieved is left out: the model is not asked it.
    """
    for file in files:
        for row in file.read_text(encoding="utf-8").splitlines():
            report = json.loads(row)
            labels = report["labels"] | {"cancer_type": report.get("cancer_type") or ""}
            for question in questions():
                given = excerpt(report["text"], question)
                answer = answer_to(question, given, labels) if given else None
                if answer and len(answer) < LONGEST_ANSWER:
                    yield report["id"], question, given, answer


def answer_to(question: str, given: str, labels: Labels) -> str | None:
    """The answer, or None where it is not sure. `given` is in lower case."""
    return _ANSWERS[question](given, labels)


def _size(given: str, labels: Labels) -> str | None:
    """The size with the registry's value; else what a label or the noun before it calls the tumour's."""
    found = [(tumour_size_weight(given, m), m) for m in sizes(given)]
    wanted = labels.get("tumor_size")
    if wanted:
        fitting = [(weight, m) for weight, m in found if m.value == wanted and weight >= 0]
    else:
        best = max((weight for weight, _ in found), default=OTHER)
        if best <= OTHER:
            return None if _SIZE_LABEL.search(given) else MISSING
        fitting = [(weight, m) for weight, m in found if weight == best and best >= TUMOR]
        if best < LABELLED and len({m.value for _, m in fitting}) > 1:
            return None  # several tumours, or several measurements of one
    if not fitting:
        return None
    mention = max(fitting, key=lambda f: f[0])[1]
    return given[mention.start : mention.end]


def _laterality(given: str, labels: Labels) -> str | None:
    label: str | None = labels.get("tumor_laterality")
    sides = set(re.findall(r"\b(left|right|bilateral|midline)\b", given))
    if label:
        both = label == "bilateral" and {"left", "right"} <= sides
        return label if label in sides or both else None
    if not sides:
        return MISSING
    return sides.pop() if len(sides) == 1 and _PAIRED.search(given) else None


def _histology(given: str, _labels: Labels) -> str | None:
    names: Counter[str] = Counter(name.strip(" ,-") for name in _HISTOLOGY.findall(given))
    if not names:
        return None if re.search("cancer|tumor|malign", given) else MISSING
    return max(names, key=lambda name: (len(name.split()) > 1, names[name], len(name)))


def _grade(given: str, labels: Labels) -> str | None:
    """The one grade that is said; where the registry has one, an answer that says the same."""
    answer = _only_grade(given)
    wanted = labels.get("cancer_grade")
    if wanted and answer and answer != MISSING:
        return answer if any(m.value == wanted for m in grades(answer)) else None
    return answer


def _only_grade(given: str) -> str | None:
    found: str | None = None
    numbered = _GRADE.findall(given)
    gleason = set(_GLEASON.findall(given))
    words = {a or b for a, b in _DIFFERENTIATED.findall(given)}
    levels = set(_LEVEL.findall(given))
    if len(gleason) == 1:
        found = gleason.pop()
    elif len({number for _, number in numbered}) == 1:
        found = f"grade {numbered[0][0]}"
    elif len(words) == 1 and not numbered:
        word = words.pop()
        found = word if word == "undifferentiated" else f"{word} differentiated"
    elif len(levels) == 1 and not numbered and not words:
        found = f"{levels.pop()} grade"
    elif not re.search("grade|differentiat|gleason", given):
        found = MISSING
    return found


def _stage(given: str, _labels: Labels) -> str | None:
    found = _STAGE_RUN.search(given) or _T_ALONE.search(given)
    if found:
        return found[1].strip(" .,;")
    if _LIVER_DAMAGE.search(given):
        return None if re.search(r"\bp?t\s?[0-4]", given) else MISSING
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


_ANSWERS: dict[str, Callable[[str, Labels], str | None]] = {
    "tumor size": _size,
    "tumor site": site_said,
    "tumor laterality": _laterality,
    "histological type": _histology,
    "cancer grade": _grade,
    "cancer stage": _stage,
    "hormone receptor type": lambda given, _: _receptors(given, with_status=False),
    "hormone receptor status": lambda given, _: _receptors(given, with_status=True),
    "diagnosis": diagnosis_of,
}
