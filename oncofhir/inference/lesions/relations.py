"""Which organs and which histologies two mentions of one tumor may have."""

import re

# Organs to which one cancer grows on.
NEIGHBOURS = (
    frozenset({"uterus", "endometrium", "cervix", "ovary", "fallopian tube", "peritoneum"}),
    frozenset({"cervix", "vagina", "vulva", "bladder", "rectum"}),
    frozenset({"esophagus", "gastroesophageal junction", "stomach", "small intestine", "peritoneum"}),
    frozenset(
        {"colon", "rectosigmoid junction", "rectum", "appendix", "small intestine", "peritoneum", "bladder"}
    ),
    frozenset({"kidney", "renal pelvis", "bladder", "adrenal gland", "prostate"}),
    frozenset({"lung", "pleura", "thymus", "bone"}),
    frozenset({"liver", "bile duct", "pancreas", "small intestine", "stomach", "spleen"}),
    frozenset({"tongue", "oral cavity", "pharynx", "larynx", "thyroid", "bone", "skin", "soft tissue"}),
    frozenset({"breast", "skin", "soft tissue", "bone"}),
    frozenset({"brain", "spinal cord", "eye"}),
)  # fmt: skip
# Organs whose sides and sizes a report may give in each other's place.
_NEARBY_ORGANS = (
    frozenset({"skin", "soft tissue", "bone", "oral cavity", "breast", "eye"}),
    frozenset({"colon", "rectum", "rectosigmoid junction", "appendix", "anus", "small intestine"}),
    frozenset(
        {"uterus", "endometrium", "cervix", "ovary", "fallopian tube", "peritoneum", "vagina"}
    ),
    frozenset({"esophagus", "gastroesophageal junction", "stomach"}),
    frozenset({"kidney", "renal pelvis", "ureter", "adrenal gland"}),
    frozenset({"pharynx", "tongue", "oral cavity", "larynx", "tonsil"}),
    frozenset({"liver", "bile duct", "pancreas", "gallbladder"}),
    frozenset({"lung", "pleura", "mediastinum", "thymus"}),
    frozenset({"brain", "spinal cord"}),
)
# Histologies of which two in two units are two tumours (ICD-O-3 groups of morphology, SEER multiple
# primary rules M).
_FAMILIES = tuple(
    re.compile(pattern)
    for pattern in (
        r"melanoma|lentigo",
        r"basal cell",
        r"renal cell|nephroblast|wilms",
        r"squamous|bowen",
        r"adenocarcinoma|ductal|lobular|mucinous|acinar",
        r"small cell|neuroendocrine|carcinoid",
        r"lymphoma|leuk|myeloma",
        r"sarcoma|stromal",
        r"urothelial|transitional",
        r"glio|astrocyt",
        r"mesothelioma",
        r"germ|seminoma",
    )
)


def family_of(histology: str) -> int | None:
    """The group of histologies that a name is of; None where it is of none that is known."""
    return next((n for n, pattern in enumerate(_FAMILIES) if pattern.search(histology)), None)


def with_neighbours(organs: frozenset[str]) -> frozenset[str]:
    """Organs with those whose sides and sizes a report may give in their place."""
    return organs.union(*(group for group in _NEARBY_ORGANS if group & organs))
