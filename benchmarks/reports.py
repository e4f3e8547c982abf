"""Invented reports of the length of real ones, for measuring; seeded, each with a beginning of its own."""

import random

from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.schemas.report import Report

_SITES = ("breast", "kidney", "colon", "lung", "prostate", "thyroid", "stomach", "bladder")
_TYPES = ("invasive ductal carcinoma", "adenocarcinoma", "squamous cell carcinoma", "carcinoma")
_TISSUE = ("fibrous", "adipose", "lobulated", "tan-pink", "rubbery", "hemorrhagic", "firm", "soft")
_FILLER = (
    "Section {n} shows {a} tissue with {b} borders and no further lesion.",
    "The cut surface is {a} and {b}; representative sections are submitted in cassette {n}.",
    "Block {n} holds {a} parenchyma with chronic inflammation and {b} stroma.",
    "The specimen weighs {n} grams and is inked; the capsule is {a} and {b}.",
)


def report_text(seed: int, words: int) -> str:
    """A pathology report of about so many words, with findings in its diagnosis and synoptic sections."""
    random_ = random.Random(seed)
    side, site = random_.choice(("left", "right")), random_.choice(_SITES)
    kind, size = random_.choice(_TYPES), random_.randint(8, 70) / 10
    lines = [f"ACCESSION S-{random_.randint(10000, 99999)}", "FINAL DIAGNOSIS:"]
    lines += [f"{side.title()} {site}, resection: {kind}, grade {random_.randint(1, 3)}."]
    lines += ["GROSS DESCRIPTION:"]
    count = sum(len(line.split()) for line in lines)
    while count < words:
        a, b = random_.sample(_TISSUE, 2)
        lines.append(random_.choice(_FILLER).format(n=random_.randint(1, 99), a=a, b=b))
        count += len(lines[-1].split())
    lines += ["SYNOPTIC REPORT:", f"Tumor size: {size} cm", f"Histologic type: {kind}"]
    lines += ["Pathologic stage: pT2 pN1a", "ER positive, PR positive, HER2 negative"]
    return "\n".join(lines)


def report(seed: int, words: int) -> Report:
    """The same, read."""
    return report_from_text(report_text(seed, words).encode(), "benchmark")
