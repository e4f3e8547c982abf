"""What a synthetic report says: a cancer case with its gold answers, drawn at random."""

import random
from dataclasses import dataclass

HISTOLOGIES = {
    "breast": (
        "invasive ductal carcinoma",
        "infiltrating ductal carcinoma",
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
}
RECEPTORS = {
    "ER": ("estrogen receptor", "estrogen receptors", "er"),
    "PR": ("progesterone receptor", "progesterone receptors", "pr"),
    "HER2": ("her2", "her-2/neu", "her2 by immunohistochemistry", "her 2 neu by ihc", "her-2"),
}
# What a report says that found no cancer.
BENIGN = {
    "breast": ("fibroadenoma", "fibrocystic change", "usual ductal hyperplasia"),
    "lung": ("organizing pneumonia", "hamartoma"),
    "colon": ("tubular adenoma", "hyperplastic polyp"),
    "rectum": ("hyperplastic polyp",),
    "prostate": ("benign prostatic hyperplasia", "chronic prostatitis"),
    "kidney": ("oncocytoma", "angiomyolipoma"),
    "bladder": ("chronic cystitis",),
    "liver": ("focal nodular hyperplasia", "steatohepatitis"),
    "stomach": ("chronic gastritis", "fundic gland polyp"),
    "esophagus": ("reflux esophagitis",),
    "ovary": ("serous cystadenoma", "endometriosis"),
    "endometrium": ("proliferative endometrium", "endometrial polyp"),
    "cervix": ("chronic cervicitis",),
    "thyroid": ("nodular hyperplasia", "lymphocytic thyroiditis"),
    "skin": ("seborrheic keratosis", "intradermal nevus"),
    "tongue": ("fibroepithelial polyp",),
}
BENIGN_SHARE = 0.07
MISSING = "not mentioned"


@dataclass(frozen=True)
class Case:
    """What a synthetic report says; None is what it does not mention.

    `benign` is what was found in place of a cancer; there is no histology then.
    """

    site: str
    histology: str | None
    laterality: str | None
    size: str | None
    grade: str | None
    stage: str | None
    receptors: tuple[tuple[str, str], ...]
    benign: str | None = None


def case(random_: random.Random) -> Case:
    """A random case, now and then one without cancer."""
    if random_.random() < BENIGN_SHARE:
        return _benign(random_)
    site = random_.choice(list(HISTOLOGIES))
    laterality = random_.choice(["left", "right"]) if site in PAIRED else None
    if site in {"ovary", "thyroid"} and random_.random() < 0.3:
        laterality = "bilateral"
    return Case(
        site=site,
        histology=random_.choice(HISTOLOGIES[site]),
        laterality=laterality if random_.random() < 0.9 else None,
        size=_size(random_) if random_.random() < 0.85 else None,
        grade=_grade(random_, site),
        stage=_stage(random_) if random_.random() < 0.85 else None,
        receptors=_receptors(random_) if site == "breast" and random_.random() < 0.8 else (),
    )


def _benign(random_: random.Random) -> Case:
    site = random_.choice(list(BENIGN))
    return Case(
        site=site,
        histology=None,
        laterality=random_.choice(["left", "right"]) if site in PAIRED else None,
        size=None,
        grade=None,
        stage=None,
        receptors=(),
        benign=random_.choice(BENIGN[site]),
    )


def _diagnosis(of: Case) -> str:
    if of.histology is None:
        return MISSING
    return "melanoma" if "melanoma" in of.histology else DIAGNOSES.get(of.site, f"{of.site} cancer")


def answers(of: Case) -> dict[str, str]:
    """The answer to each question, in the words of the report, in lower case."""
    return {
        "hormone receptor type": ", ".join(name.lower() for name, _ in of.receptors) or MISSING,
        "hormone receptor status": ", ".join(f"{name.lower()} {s}" for name, s in of.receptors)
        or MISSING,
        "tumor size": of.size or MISSING,
        "tumor site": of.site,
        "cancer grade": of.grade or MISSING,
        "histological type": of.histology or MISSING,
        "tumor laterality": of.laterality or MISSING,
        "cancer stage": of.stage or MISSING,
        "diagnosis": _diagnosis(of),
    }


def number(random_: random.Random, low: int = 3, high: int = 90) -> str:
    """A length in cm: tenths between the bounds, now and then a whole number."""
    tenths = random_.randint(low, high)
    return f"{tenths / 10:.1f}" if random_.random() < 0.85 else str(tenths // 10 + 1)


def _size(random_: random.Random) -> str:
    if random_.random() < 0.15:
        return f"{random_.randint(3, 70)} mm"
    count = random_.choice([1, 1, 1, 2, 3])
    numbers = sorted((float(number(random_)) for _ in range(count)), reverse=True)
    style = "{:g}" if random_.random() < 0.3 else "{:.1f}"
    joined = (" x " if random_.random() < 0.8 else "x").join(style.format(n) for n in numbers)
    return joined + random_.choice([" cm", "cm", " cm"])


def _grade(random_: random.Random, site: str) -> str | None:
    if site == "prostate":
        a, b = random_.choice([(3, 3), (3, 4), (4, 3), (4, 4), (4, 5), (3, 5), (5, 4)])
        plus = random_.choice(["+", "+", " + "])
        return f"{a}{plus}{b}" + random_.choice(["", f"={a + b}", f" = {a + b}"])
    if random_.random() > 0.85:
        return None
    numbered = [f"grade {g}" for g in ("1", "2", "3", "i", "ii", "iii", "ii/iii", "iii of iii")]
    words = ["well differentiated", "moderately differentiated", "poorly differentiated"]
    return random_.choice([*numbered, *words, "high grade", "low grade"])


def _stage(random_: random.Random) -> str:
    if random_.random() < 0.1:
        groups = ["i", "ia", "ib", "iia", "iib", "iii", "iiia", "iiic", "iv"]
        return "stage " + random_.choice(groups)
    tumor = random_.choice(["1", "1a", "1b", "1c", "2", "2a", "2b", "3", "3a", "4", "4a"])
    stage = random_.choice(["pt", "pt", "pt", "pt ", "t", "ypt"]) + tumor
    if random_.random() < 0.85:
        stage += random_.choice([" ", " ", ", ", ","]) + random_.choice(["pn", "n", "n"])
        stage += random_.choice(["0", "0", "o", "1", "1a", "1b", "2", "2a", "x", "3"])
        if random_.random() < 0.5:
            stage += random_.choice([" ", " ", ", "]) + random_.choice(["mx", "m0", "pmx", "m1"])
    if random_.random() < 0.15:
        stage += ", stage " + random_.choice(["ia", "ib", "iia", "iib", "iiia", "iiib", "iv"])
    return stage


def _receptors(random_: random.Random) -> tuple[tuple[str, str], ...]:
    names = random_.sample(list(RECEPTORS), random_.choice([1, 2, 3, 3, 3]))
    her2 = ["positive", "negative", "negative", "equivocal"]
    return tuple(
        (name, random_.choice(her2 if name == "HER2" else ["positive", "negative"]))
        for name in RECEPTORS
        if name in names
    )
