"""Synthetic cancer reports with gold answers: 17 cancer types, eight phenotypes, the diagnosis.

    python -m model.generate --count 100 --seed 1 --split train > reports.jsonl

Lines are in the evaluator's format (`id`, `text`, `labels`, `cancer_type`, `diagnosis`; null is known
absent), values normal as the evaluator wants them. The wording (`wording.toml`) of the two splits is
disjoint, so a score on `test` is a score on unseen wording.
"""

import argparse
import json
import random
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from model.cases import RECEPTORS, Case, case, number
from model.normal import line

Split = Literal["train", "test"]
OCR_RATE = 0.01
SYNOPTIC_SHARE = 0.2
LONG_SHARE = 0.25  # of the reports are as long as real ones: 400 tokens and more
_SHORT = {"positive": "+", "negative": "-"}


@cache
def wording(split: Split) -> dict[str, list[str]]:
    """The templates of a split."""
    text = Path(__file__).with_name("wording.toml").read_text(encoding="utf-8")
    words: dict[str, list[str]] = tomllib.loads(text)[split]
    return words


def text(random_: random.Random, of: Case, split: Split) -> str:
    """A report that says the case, with distractors, in some layout, some in upper case, some misread."""
    words = wording(split)
    lines = _said(random_, of, words)
    others = _beside(random_, of, words)
    lines = lines + others if random_.random() < 0.5 else others + lines
    if random_.random() < 0.3:
        random_.shuffle(lines)
    lines = _framed(random_, of, lines, words)
    if random_.random() < 0.3:  # sentences of a clinic note begin in upper case
        lines = [line_[:1].upper() + line_[1:] for line_ in lines]
    whole = random_.choice([". ", " \n", "\n- ", "\n", "; "]).join(lines)
    if random_.random() < 0.3:
        whole = whole.upper()
    return misread(random_, whole, OCR_RATE) if random_.random() < 0.25 else whole


def _said(random_: random.Random, of: Case, words: dict[str, list[str]]) -> list[str]:
    """What the report is about: specimen, tumour, receptors and stage, or what was benign."""
    if of.histology is not None and random_.random() < SYNOPTIC_SHARE:
        return _synoptic(random_, of, of.histology, words)
    lines = [_specimen(random_, of, words)]
    if of.histology is None:
        return [*lines, random_.choice(words["benign_found"]).format(of.benign)]
    lines += _tumor(random_, of, of.histology, words)
    if of.stage:
        lines.append(random_.choice(words["stage"]).format(of.stage))
    if of.receptors and random_.random() < 0.7:
        lines.append(_receptor_sentence(random_, of.receptors, words))
    elif of.receptors:
        said = _receptor_sentence(random_, of.receptors, words)
        lines += [random_.choice(words["addendum"]), said]
    elif random_.random() < 0.1:
        lines.append(random_.choice(words["no_receptor"]))
    return lines


def _synoptic(
    random_: random.Random, of: Case, histology: str, words: dict[str, list[str]]
) -> list[str]:
    """A checklist: a name and a value a line, as the protocols of the CAP have them."""
    side = f"{of.laterality} " if of.laterality else ""
    values = {
        "synoptic_site": f"{side}{of.site}",
        "synoptic_procedure": random_.choice(words["procedure"]),
        "synoptic_histology": histology,
        "synoptic_grade": of.grade and (f"gleason {of.grade}" if "+" in of.grade else of.grade),
        "synoptic_size": of.size,
        "synoptic_stage": of.stage,
    }
    lines = [random_.choice(words["synoptic_title"])]
    lines += [f"{random_.choice(words[key])}: {said}" for key, said in values.items() if said]
    if of.receptors:
        lines.append(_receptor_sentence(random_, of.receptors, words))
    return lines


def _beside(random_: random.Random, of: Case, words: dict[str, list[str]]) -> list[str]:
    """Measures, margins, history, family and other parts: what is not the answer."""
    others = [_measured(random_, random_.choice(words["gross"]))]
    others += [_measured(random_, t) for t in words["distractor"] if random_.random() < 0.2]
    for part in "bcd"[: random_.choice([0, 0, 0, 0, 1, 1, 2, 3])]:
        where = random_.choice(["lymph node", "soft tissue", of.site])
        others.append(f"{part}. {where}, excision: {random_.choice(words['benign'])}")
    if random_.random() < LONG_SHARE:
        others += [
            _measured(random_, t)
            for t in random_.choices(words["filler"], k=random_.randint(8, 40))
        ]
    random_.shuffle(others)
    return others


def _framed(
    random_: random.Random, of: Case, lines: list[str], words: dict[str, list[str]]
) -> list[str]:
    """The lines as a clinic note or a consultation, or as they are."""
    kind = random_.choice(["", "", "", "note", "consult"])
    if not kind:
        return lines
    opening, closing = (random_.choice(words[f"{kind}_{end}"]) for end in ("opening", "closing"))
    return [opening.format(site=of.site), *lines, closing]


def _measured(random_: random.Random, template: str) -> str:
    return template.format(
        a=number(random_, 1, 40) if "specimen" not in template else number(random_, 40, 250),
        b=number(random_, 20, 120),
        c=number(random_, 5, 60),
        g=random_.randint(1, 4),
        n=random_.randint(0, 4),
        m=random_.randint(10, 25),
        w=random_.randint(20, 900),
        state=random_.choice(["fresh", "in formalin"]),
    )


def _specimen(random_: random.Random, of: Case, words: dict[str, list[str]]) -> str:
    side = of.laterality or ""
    return random_.choice(words["specimen"]).format(
        side=f"{side} " if side else "",
        comma_side=f", {side}" if side else "",
        site=of.site,
        procedure=random_.choice(words["procedure"]),
    )


def _tumor(
    random_: random.Random, of: Case, histology: str, words: dict[str, list[str]]
) -> list[str]:
    """Histology, grade (beside the histology or on its own) and size."""
    lines = []
    grade = of.grade or ""
    numbered = grade.startswith("grade")
    if "+" in grade:
        said = random_.choice(["gleason score {}", "gleason grade {}", "gleason {}"]).format(grade)
        lines.append(f"{histology}, {said}")
    elif grade and random_.random() < 0.5:
        schemes = ["nottingham ", "histologic ", "nuclear ", "fuhrman ", "figo ", "", ""]
        lines.append(f"{histology}, {random_.choice(schemes) if numbered else ''}{grade}")
    else:
        lines.append(random_.choice(words["histology"]).format(histology))
        if grade:
            lines.append(random_.choice(words["grade"]).format(grade))
    if of.size:
        lines.append(random_.choice(words["size"]).format(of.size))
    return lines


def _receptor_sentence(
    random_: random.Random, receptors: tuple[tuple[str, str], ...], words: dict[str, list[str]]
) -> str:
    template = random_.choice(words["receptor"])
    short = random_.random() < 0.1 and all(status in _SHORT for _, status in receptors)
    if short:
        return " ".join(f"{name.lower()}{_SHORT[status]}" for name, status in receptors)
    said = []
    for name, status in receptors:
        scores = (
            ["", "", " (1+)", " (3+)"] if name == "HER2" else ["", f" ({random_.randint(1, 99)} %)"]
        )
        score = "" if status == "equivocal" else random_.choice(scores)
        said.append(template.format(name=random_.choice(RECEPTORS[name]), status=status + score))
    return random_.choice([". ", "; ", ", "]).join(said)


def misread(random_: random.Random, whole: str, rate: float) -> str:
    """The text with characters dropped, split or misread, as OCR does."""
    return "".join(
        random_.choice(["", ".", c + " ", "l", "o"]) if random_.random() < rate else c
        for c in whole
    )


def reports(count: int, seed: int, split: Split) -> Iterator[tuple[str, Case]]:
    """Texts with their cases; the same for the same arguments."""
    random_ = random.Random(f"{split}-{seed}")
    for _ in range(count):
        of = case(random_)
        yield text(random_, of, split), of


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--split", choices=("train", "test"), default="train")
    arguments = parser.parse_args()
    for order, (whole, of) in enumerate(reports(arguments.count, arguments.seed, arguments.split)):
        print(json.dumps(line(f"{arguments.split}-{arguments.seed}-{order}", whole, of)))


if __name__ == "__main__":
    main()
