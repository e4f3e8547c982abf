"""Synthetic cancer reports with gold answers: 17 cancer types, eight phenotypes, the diagnosis.

    python -m model.generate --count 100 --seed 1 --split train > reports.jsonl

Lines are in the evaluator's format (id, text, labels, cancer_type, diagnosis; null is known absent).
Sentence templates of the two splits are disjoint, so a score on `test` is a score on unseen wording.
"""

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Split = Literal["train", "test"]

HISTOLOGIES = {
    "breast": (
        "invasive ductal carcinoma",
        "invasive lobular carcinoma",
        "invasive carcinoma of no special type",
        "mucinous carcinoma",
    ),
    "lung": (
        "adenocarcinoma",
        "squamous cell carcinoma",
        "small cell carcinoma",
        "large cell carcinoma",
    ),
    "colon": ("adenocarcinoma", "mucinous adenocarcinoma"),
    "rectum": ("adenocarcinoma",),
    "prostate": ("prostatic adenocarcinoma", "acinar adenocarcinoma"),
    "kidney": (
        "clear cell renal cell carcinoma",
        "papillary renal cell carcinoma",
        "chromophobe renal cell carcinoma",
    ),
    "bladder": ("urothelial carcinoma", "invasive urothelial carcinoma"),
    "liver": ("hepatocellular carcinoma",),
    "pancreas": ("ductal adenocarcinoma",),
    "stomach": ("adenocarcinoma", "signet ring cell carcinoma"),
    "esophagus": ("adenocarcinoma", "squamous cell carcinoma"),
    "ovary": ("high grade serous carcinoma", "endometrioid carcinoma"),
    "endometrium": ("endometrioid adenocarcinoma", "serous carcinoma"),
    "cervix": ("squamous cell carcinoma",),
    "thyroid": ("papillary thyroid carcinoma", "follicular carcinoma"),
    "skin": ("malignant melanoma", "squamous cell carcinoma", "superficial spreading melanoma"),
    "tongue": ("squamous cell carcinoma",),
}
PAIRED = frozenset({"breast", "lung", "kidney", "ovary", "thyroid"})
DIAGNOSES = {
    "endometrium": "endometrial cancer",
    "ovary": "ovarian cancer",
    "cervix": "cervical cancer",
    "skin": "skin cancer",
}
RECEPTORS = {
    "ER": ("estrogen receptor", "estrogen receptors", "er"),
    "PR": ("progesterone receptor", "progesterone receptors", "pr"),
    "HER2": ("her2", "her-2/neu", "her2 by immunohistochemistry", "her 2 neu by ihc"),
}
_SIZE: dict[Split, tuple[str, ...]] = {
    "train": (
        "tumor size: {}",
        "tumor size: {} in greatest dimension",
        "the tumor measures {}",
        "greatest dimension: {}",
        "tumor size (greatest dimension): {} (measured grossly)",
        "there is a firm mass measuring {}",
        "solitary tumor, {}",
    ),
    "test": ("a {} tumor is present", "size of tumor: {}", "the mass is {} in largest diameter"),
}
_STAGE: dict[Split, tuple[str, ...]] = {
    "train": (
        "pathologic stage: {}",
        "stage: {}",
        "ajcc stage {}",
        "pathologic staging (ptnm): {}",
        "{}",
    ),
    "test": ("tnm: {}", "ajcc pathologic staging {}", "staging summary: {}"),
}
_HISTOLOGY: dict[Split, tuple[str, ...]] = {
    "train": ("{}", "histologic type: {}", "tumor type: {}"),
    "test": ("type of tumor: {}", "the tumor is a {}"),
}
_DISTRACTORS: dict[Split, tuple[str, ...]] = {
    "train": (
        "the closest margin is {a} cm",
        "{n} of {m} lymph nodes are positive, the largest {a} cm",
        "family history: mother with breast cancer at age 60",
        "history of melanoma in 2011",
        "no evidence of dysplasia",
    ),
    "test": (
        "the distance to the deep margin is {a} cm",
        "lymph nodes: {n}/{m}",
        "negative for metastatic carcinoma",
        "sister with ovarian carcinoma",
    ),
}


@dataclass(frozen=True)
class Case:
    """What a synthetic report says; None is what it does not mention."""

    site: str
    histology: str
    laterality: str | None
    size: str | None
    grade: str | None
    stage: str | None
    receptors: tuple[tuple[str, str], ...]


def case(random_: random.Random) -> Case:
    """A random case."""
    site = random_.choice(list(HISTOLOGIES))
    laterality = random_.choice(["left", "right"]) if site in PAIRED else None
    if site == "ovary" and random_.random() < 0.3:
        laterality = "bilateral"
    return Case(
        site=site,
        histology=random_.choice(HISTOLOGIES[site]),
        laterality=laterality,
        size=_size(random_) if random_.random() < 0.85 else None,
        grade=_grade(random_, site),
        stage=_stage(random_) if random_.random() < 0.85 else None,
        receptors=_receptors(random_) if site == "breast" and random_.random() < 0.8 else (),
    )


def _number(random_: random.Random, low: int = 3, high: int = 90) -> str:
    tenths = random_.randint(low, high)
    return f"{tenths / 10:.1f}" if random_.random() < 0.85 else str(tenths // 10 + 1)


def _size(random_: random.Random) -> str:
    if random_.random() < 0.15:
        return f"{random_.randint(3, 70)} mm"
    count = random_.choice([1, 1, 1, 2, 3])
    numbers = sorted((float(_number(random_)) for _ in range(count)), reverse=True)
    style = "{:g}" if random_.random() < 0.3 else "{:.1f}"
    joined = (" x " if random_.random() < 0.8 else "x").join(style.format(n) for n in numbers)
    return joined + random_.choice([" cm", "cm", " cm"])


def _grade(random_: random.Random, site: str) -> str | None:
    if site == "prostate":
        return random_.choice(["3+3=6", "3+4=7", "4+3=7", "4+4=8", "4+5=9"])
    if random_.random() > 0.85:
        return None
    numbered = [f"grade {g}" for g in ("1", "2", "3", "i", "ii", "iii", "ii/iii", "iii of iii")]
    words = ["well differentiated", "moderately differentiated", "poorly differentiated"]
    return random_.choice([*numbered, *words, "high grade", "low grade"])


def _stage(random_: random.Random) -> str:
    if random_.random() < 0.1:
        return "stage " + random_.choice(
            ["i", "ia", "ib", "iia", "iib", "iii", "iiia", "iiic", "iv"]
        )
    tumor = random_.choice(["1", "1a", "1b", "1c", "2", "2a", "2b", "3", "3a", "4", "4a"])
    stage = random_.choice(["pt", "pt", "pt", "pt ", "t", "ypt"]) + tumor
    if random_.random() < 0.85:
        stage += random_.choice([" ", " ", ",", ""]) + random_.choice(["pn", "n", "n"])
        stage += random_.choice(["0", "0", "o", "1", "1a", "1b", "2", "2a", "x", "3"])
        if random_.random() < 0.5:
            stage += random_.choice([" ", " ", ""]) + random_.choice(["mx", "m0", "pmx", "m1"])
    if random_.random() < 0.15:
        stage += ", stage " + random_.choice(["ia", "ib", "iia", "iib", "iiia", "iiib", "iv"])
    return stage


def _receptors(random_: random.Random) -> tuple[tuple[str, str], ...]:
    names = random_.sample(list(RECEPTORS), random_.choice([1, 2, 3, 3, 3]))
    states = {"HER2": ["positive", "negative", "negative", "equivocal"]}
    return tuple(
        (name, random_.choice(states.get(name, ["positive", "negative"])))
        for name in RECEPTORS
        if name in names
    )


def text(random_: random.Random, of: Case, split: Split) -> str:
    """A report that says the case, with distractors, in some layout, some in upper case, some misread."""
    lines = [_specimen(random_, of), *_tumor(random_, of, split)]
    if of.receptors:
        lines.append(_receptor_sentence(random_, of.receptors))
    if of.stage:
        lines.append(random_.choice(_STAGE[split]).format(of.stage))
    gross = (
        f"gross description: received {random_.choice(['fresh', 'in formalin'])} is a specimen measuring "
        f"{_number(random_, 40, 250)} x {_number(random_, 20, 120)} x {_number(random_, 5, 60)} cm "
        f"and weighing {random_.randint(20, 900)} grams"
    )
    others = [gross] + [
        template.format(
            a=_number(random_, 1, 30), n=random_.randint(0, 4), m=random_.randint(5, 25)
        )
        for template in _DISTRACTORS[split]
        if random_.random() < 0.3
    ]
    lines = lines + others if random_.random() < 0.5 else others + lines
    if random_.random() < 0.3:
        random_.shuffle(lines)
    whole = random_.choice([". ", " \n", "\n- "]).join(lines)
    if random_.random() < 0.3:
        whole = whole.upper()
    return misread(random_, whole, 0.01) if random_.random() < 0.25 else whole


def _specimen(random_: random.Random, of: Case) -> str:
    heading = random_.choice(["final diagnosis: ", "diagnosis: ", "specimen: "])
    if of.laterality and of.laterality != "bilateral":
        side = of.laterality
        return heading + random_.choice(
            [
                f"{of.site}, {side}, resection",
                f"{side} {of.site}, excision",
                f"{side} {of.site}, biopsy",
            ]
        )
    both = f"{of.laterality} " if of.laterality else ""
    return heading + random_.choice([f"{both}{of.site}, resection", f"{both}{of.site}, biopsy"])


def _tumor(random_: random.Random, of: Case, split: Split) -> list[str]:
    lines = []
    grade = of.grade or ""
    numbered = grade.startswith("grade")
    if "+" in grade:
        lines.append(f"{of.histology}, gleason score {grade}")
    elif grade and random_.random() < 0.5:
        scheme = (
            random_.choice(["nottingham ", "histologic ", "nuclear ", "", ""]) if numbered else ""
        )
        lines.append(f"{of.histology}, {scheme}{grade}")
    else:
        lines.append(random_.choice(_HISTOLOGY[split]).format(of.histology))
        if grade:
            lines.append(f"histologic {grade}" if numbered else f"tumor is {grade}")
    if of.size:
        lines.append(random_.choice(_SIZE[split]).format(of.size))
    return lines


def _receptor_sentence(random_: random.Random, receptors: tuple[tuple[str, str], ...]) -> str:
    said = []
    for name, state in receptors:
        scored = (
            ["", " (1+)", " (2+)", " (3+)"]
            if name == "HER2"
            else ["", f" ({random_.randint(1, 99)} %)"]
        )
        verb = random_.choice([": ", " ", " is "])
        said.append(f"{random_.choice(RECEPTORS[name])}{verb}{state}{random_.choice(scored)}")
    return random_.choice([". ", "; ", ", "]).join(said)


def misread(random_: random.Random, whole: str, rate: float) -> str:
    """The text with characters dropped, split or misread, as OCR does."""
    return "".join(
        random_.choice(["", ".", c + " ", "l", "o"]) if random_.random() < rate else c
        for c in whole
    )


def answers(of: Case) -> dict[str, str]:
    """The answer to each question, in the words of the report, in lower case."""
    missing = "not mentioned"
    diagnosis = DIAGNOSES.get(of.site, f"{of.site} cancer")
    return {
        "hormone receptor type": ", ".join(name.lower() for name, _ in of.receptors) or missing,
        "hormone receptor status": ", ".join(f"{n.lower()} {s}" for n, s in of.receptors)
        or missing,
        "tumor size": of.size or missing,
        "tumor site": of.site,
        "cancer grade": of.grade or missing,
        "histological type": of.histology,
        "tumor laterality": of.laterality or missing,
        "cancer stage": of.stage or missing,
        "diagnosis": "melanoma" if "melanoma" in of.histology else diagnosis,
    }


def reports(count: int, seed: int, split: Split) -> Iterator[tuple[str, Case]]:
    """Texts with their cases; the same for the same arguments."""
    random_ = random.Random(f"{split}-{seed}")
    for _ in range(count):
        of = case(random_)
        yield text(random_, of, split), of


def line(ident: str, whole: str, of: Case) -> dict[str, Any]:
    """A line in the evaluator's format; values are as the report has them."""
    said = answers(of)
    return {
        "id": ident,
        "text": whole,
        "labels": {
            "tumor_size": of.size,
            "tumor_site": of.site,
            "tumor_laterality": of.laterality,
            "cancer_grade": of.grade,
            "histological_type": of.histology,
            "cancer_stage": of.stage,
            "hormone_receptors": dict(of.receptors),
        },
        "cancer_type": of.site,
        "diagnosis": said["diagnosis"],
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--split", choices=("train", "test"), default="train")
    arguments = parser.parse_args()
    for number, (whole, of) in enumerate(reports(arguments.count, arguments.seed, arguments.split)):
        print(json.dumps(line(f"{arguments.split}-{arguments.seed}-{number}", whole, of)))


if __name__ == "__main__":
    main()
