"""What a side is of: a tumour, or a node, a limb, a shift of the midline, a metastasis, what is benign."""

import re

from oncofhir.inference.mentions import Mention
from oncofhir.inference.mentions.laterality import lateralities
from oncofhir.inference.mentions.malignancy import MALIGNANCY

_REACH = 90
_OF_ANOTHER = re.compile(
    r"[\s,]{1,3}(?:(?:anterior|posterior|superior|inferior|upper|lower|internal|external|pelvic|common"
    r"|sentinel|level \w+)[ ,]{1,2}){0,2}"
    r"(?:axilla\w*|supraclavicular|inguinal|lymph|nodes?\b|iliac|carotid|jugular|subclavian"
    r"|chest tube|port\b"
    r"|upper extremity|lower extremity|ventric\w*|atri\w*|bundle|heart|lateral decubitus|mca\b)"
    r"|[\s-](?:side (?:down|up)|ij|picc|femoral|radial)\b",
    re.IGNORECASE,
)
_HANDED = re.compile(r"[- ]hand(?:ed|edness| dominan)", re.IGNORECASE)
# A structure or a cut in the midline, and its shift: no tumour's place.
_SHIFT = re.compile(
    r"(?:[- ]to[- ](?:the )?(?:right|left))?[\s-]{1,2}(?:(?:midline|subfalcine|tracheal|septal"
    r"|mediastinal|of)[ -]){0,3}(?:the )?"
    r"(?:shift\w*|herniation|deviation|displacement|structures?|incision|laparotomy|sternotomy"
    r"|scar|hernia|catheter)\b",
    re.IGNORECASE,
)
# What a patient notices on one side, often the other one's tumour: "right hemiparesis", "left arm weakness".
_SYMPTOM = re.compile(
    r"[\s,]{1,3}(?:(?:sided|upper|lower|arm|leg|hand|face|body|foot|lateral|visual|flank"
    r"|homonymous|mild|severe)[ ,]{1,2}){0,3}"
    r"(?:weakness|hemi(?:par|pleg|anop|sensory|neglect)\w*|homonymous|numbness"
    r"|par(?:a)?esthesia\w*|seizures?|droop\w*|palsy"
    r"|field (?:cut|defect|loss)|visual (?:field|loss|neglect)|vision loss|hearing loss|neglect"
    r"|tremor|ptosis|tinnitus)\b",
    re.IGNORECASE,
)
# The side of a limb or a joint, which is the tumour's only where the tumour sits in skin, soft tissue or
# bone.
_LIMB = re.compile(
    r"[\s,]{1,3}(?:arm|leg|hip|knee|shoulder|ankle|wrist|foot|hand|ear|groin)\b", re.IGNORECASE
)
_OF_BODY = frozenset({"skin", "soft tissue", "bone"})
_LOBE = re.compile(r"[rl][uml]l", re.IGNORECASE)
_OF_CHEST = frozenset({"lung", "pleura", "mediastinum", "thymus"})
# Where a tumour goes, and not where it is: "extending across midline to left".
_TOWARDS = re.compile(
    r"\b(?:across|cross(?:es|ing|ed)?|towards?|beyond|past|abut\w*|approach\w*|reach\w*) (?:the )?$"
    r"|\b(?:extend\w*|extension|spread\w*|cross\w*|invad\w*|invasion|encroach\w*|displac\w*"
    r"|shift\w*|deviat\w*)"
    r"(?: [\w-]+){0,4} (?:to|into|onto|over|across|of)(?: the)? $"
    r"|\b(?:invad|displac|abutt|encroach)(?:es|ing|ed)(?: the)? $",
    re.IGNORECASE,
)
_FROM_MIDLINE = re.compile(r"\b(?:from|to|of|off|near)(?: the)? $", re.IGNORECASE)
_METASTASIS = (
    r"(?:mets?|metasta(?:sis|ses)|metastatic (?:disease|lesions?|deposits?|nodules?|foc(?:us|i)))"
)
_METASTATIC_TO = re.compile(
    rf"\b(?:{_METASTASIS}|metastatic(?= to\b)|metastasi[sz](?:ed|ing)(?= to\b))(?P<to>[^.;\n]{{0,60}})$",
    re.IGNORECASE,
)
_METASTASIS_BEHIND = re.compile(
    rf"[ -]{{1,2}}(?P<between>(?:(?!(?:with|without|and|no|or)\b)[\w-]+ ){{0,3}}?){_METASTASIS}\b",
    re.IGNORECASE,
)
_BENIGN = (
    r"(?:(?:[\w-]+ ){0,3}?(?:adenoma|fibroadenoma|cyst|cysts|goit(?:re|er)|hyperplasia|oncocytoma"
    r"|hamartoma|papilloma"
    r"|ha?emangioma|leiomyoma|fibroids?|lipoma|angiomyolipoma|keratosis|granuloma|n(?:a)?ev(?:us"
    r"|i)|fibrocystic (?:mastopathy|changes?|disease)"
    r"|cystadenoma|cystadenofibroma|endometriosis|endometrioma|mastopathy|abscess|gyna?ecomastia"
    r"|calculus|stones?)"
    r"(?! ?(?:and|with|,)))"
)
_NOTHING = (
    r"(?:negative(?! margin)(?! for (?:lymph|angio|peri|vascul|er\b|her|estrogen))|benign|normal"
    r"|unremarkable|uninvolved|reactive|free of (?:tumou?r|disease|malig|carcin|cancer)"
    r"|no (?:definite |significant |histologic |evidence of |sign of |suspicious |abnormal |focal ){0,3}"
    r"(?:malignan\w+|[a-z]*carcinoma|tumou?r|neoplas\w+|cancer|melanoma|metasta\w+|abnormalit\w+"
    r"|mass(?:es)?|lesions?|findings?))"
)
# A heading or a subject, then that it is benign or holds nothing: "RIGHT AXILLARY NODE: negative".
_CALLED = re.compile(
    rf"(?P<subject>(?:(?!\bwith\b)[^:;\n]){{0,60}}?)(?P<link>:\s*|\s+(?:is|are|was|were|appears?|shows?)\s+"
    rf"|[\s,-]{{1,3}})"
    rf"(?:(?:all|two|both|one|multiple|within|completely|entirely|simple"
    rf"|skin with)\s)?(?:{_NOTHING}|{_BENIGN})(?![\w-])",
    re.IGNORECASE,
)
_NAMED_BEFORE = re.compile(
    rf"(?:\b{_BENIGN}|\b(?:benign|normal|unremarkable)(?: [\w-]+)?|\b{_NOTHING})"
    r"(?:[ ,:-]{1,3}|\s+(?:of|in|on|at|within|involving)\s+(?:the |her |his )?)$",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.;\n]\s*")
_NEGATION = re.compile(r"\b(?:no|not|negative|without|free)\b", re.IGNORECASE)


def is_of_another_thing(text: str, mention: Mention, organs: frozenset[str]) -> bool:
    """Whether a side is one of a node, a vessel, a limb, a symptom or a shift, by the words around it.

    `organs` are those of the lesion: the side of a limb counts for a tumour of skin, soft tissue or bone,
    that of a lobe ("RLL") for one of the chest.
    """
    limb = _LIMB.match(text, mention.end) is not None
    if limb and organs and not _OF_BODY & organs:
        return True
    lobe = _LOBE.fullmatch(text, mention.start, mention.end) is not None
    if lobe and organs and not _OF_CHEST & organs:
        return True
    if any(p.match(text, mention.end) for p in (_SHIFT, _SYMPTOM, _HANDED)):
        return True
    before = text[max(0, mention.start - _REACH) : mention.start]
    if _TOWARDS.search(before) or (mention.value == "midline" and _FROM_MIDLINE.search(before)):
        return True
    return _OF_ANOTHER.match(text, mention.end) is not None


def is_of_metastasis(text: str, mention: Mention, first: int, last: int) -> bool:
    """Whether a side is where a metastasis is: "brain met left cerebellum", "left adrenal metastases".

    `first` and `last` bound its clause.
    """
    before = text[max(first, mention.start - _REACH) : mention.start]
    behind = text[mention.end : min(last, mention.end + _REACH)]
    spread = _METASTATIC_TO.search(before)
    if spread is not None and not MALIGNANCY.search(spread["to"]):
        return "," not in spread["to"] or not MALIGNANCY.search(behind[:50])
    found = _METASTASIS_BEHIND.match(behind)
    return found is not None and not MALIGNANCY.search(found["between"])


def is_of_benign(text: str, mention: Mention, first: int, last: int) -> bool:
    """Whether the clause between `first` and `last`, which names no neoplasm, says that its side is healthy.

    Below a heading another sentence may name the tumour: "Left breast: benign skin. Invasive carcinoma."
    """
    behind = text[mention.end : min(last, mention.end + 2 * _REACH)]
    if behind.rstrip().endswith(":"):
        behind = text[mention.end : last + _REACH]
    called = _CALLED.match(behind)
    if called is not None:
        is_heading = ":" in called["link"]
        return not (is_heading and _names_tumor_next(text, mention.end + called.end()))
    return _NAMED_BEFORE.search(text, max(first, mention.start - _REACH), mention.start) is not None


def _names_tumor_next(text: str, start: int) -> bool:
    """Whether a sentence behind `start` and before the next heading or side names a malignancy."""
    for sentence in _SENTENCE.split(text[start : start + 2 * _REACH])[1:]:
        if ":" in sentence or next(lateralities(sentence), None) is not None:
            return False
        if MALIGNANCY.search(sentence) and not _NEGATION.search(sentence):
            return True
    return False
