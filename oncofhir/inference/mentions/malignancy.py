"""The words that name a malignancy, and those that name any neoplasm."""

import re
from collections.abc import Iterator

_HEADS = (
    r"\w*carcinomas?|cancers?|melanomas?|\w*sarcomas?|lymphomas?|leuk(?:a)?emias?|myelomas?|glioblastomas?|astrocytomas?|"
    r"oligodendrogliomas?|oligoastrocytomas?|\w*gliomas?|pheochromocytomas?|phaeochromocytomas?|paragangliomas?|thymomas?|"
    r"germ cell tumou?rs?|ependymomas?|\w*blastomas?|mesotheliomas?|seminomas?|malignan(?:t|cy|cies)"
    r"|\w*karzinom|"
    r"carcinoids?|neuroendocrine tumou?rs?|gastrointestinal stromal tumou?rs?|gist|wilms'? tumou?r"
    r"|dysgerminomas?|"
    r"choriocarcinomas?|teratocarcinomas?|chordomas?|germinomas?|plasmacytomas?|\w*carcinome"
    r"|yolk sac tumou?r|mycosis fungoides"
)
_IN_SITU = r"dcis|lcis|bowen(?:'s)? disease|lentigo maligna|lobular neoplasia"
MALIGNANCY = re.compile(rf"\b(?:{_HEADS}|{_IN_SITU})\b", re.IGNORECASE)
NEOPLASM = MALIGNANCY
# What is called after cancer and is none: a screening, a centre, a gene panel, a risk.
_COMPOUND = re.compile(
    r"[ -]{1,2}(?:screening|screen|cent(?:er|re)|clinic|risk|gene|genes|genetic|panel|society|prevention"
    r"|institute|registry|support|program(?:me)?|survivor\w*|awareness"
    r"|coordinator|nurse|service|services|team|conference|board|protocol|check ?list|case summary|summary"
    r"|worksheet|template|research|trial|study|studies|markers?|antigen"
    r"|care|navigator|hospital|agency|council|foundation|staging manual|predisposition|susceptibility"
    r"|syndrome|network|rehab\w*|pain|free|alliance|biomarkers?|profile"
    r"|family history|counsel\w*|hotline|phobia|worry|fear|education|genomics|resource|guidelines?"
    r"|surveillance|cells? of unknown|potential)\b",
    re.IGNORECASE,
)
_NOT_OF_DISEASE = re.compile(r"(?:anti-?|non-?|pre-?|pro-?|cardio-?)$", re.IGNORECASE)
_NOT_MALIGNANT = re.compile(r"malignant (?:hypertension|hyperthermia|otitis)\b", re.IGNORECASE)


def malignancies(text: str) -> Iterator[re.Match[str]]:
    """The words that name a malignancy as a disease, affirmed or not."""
    for match in MALIGNANCY.finditer(text):
        if not is_compound(text, match.start(), match.end()):
            yield match


def is_compound(text: str, start: int, end: int) -> bool:
    """Whether the word names another thing: "cancer screening", "cancer centre", "anticancer"."""
    if _COMPOUND.match(text, end) or _NOT_OF_DISEASE.search(text, max(0, start - 6), start):
        return True
    return _NOT_MALIGNANT.match(text, start) is not None
