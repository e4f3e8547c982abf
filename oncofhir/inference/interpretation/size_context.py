"""What a size measures: the tumour, or a specimen, a margin, a node, a definition."""

import re

from oncofhir.inference.mentions import Mention

TUMOR, NEARBY, UNKNOWN, OTHER = 2.0, 1.5, 0.0, -1.0
LABELLED = 3.0
FAINT = 0.5
_LOOK_BACK = 110
_LOOK_AHEAD = 40
_STOP = re.compile(r"[;\n]|(?<=[a-zA-Z)\d])\.\s+(?=[A-Z\[])")
_PRONOUN = re.compile(r"\s*(?:it|this|these|which)\b", re.IGNORECASE)
_LABEL = re.compile(
    r"(?:(?:[tl]umou?r|lesion|mass|cancer|carcinoma) (?:size|dimensions?|diameter)"
    r"|(?:size|(?:greatest|maximum|maximal|largest) (?:dimension|diameter)) of (?:the )?"
    r"(?:\w+ )?(?:[tl]umou?r|lesion|mass|carcinoma))\W{0,3}[^\d;]{0,60}$",
    re.IGNORECASE,
)
_SIZE_LABEL = re.compile(r"(?:^|[\W_])size[ :;=-]{1,4}$", re.IGNORECASE)
_TUMOR = re.compile(
    r"\b(?:[tl]umou?rs?|mass(?:es)?|lesions?|\w*carcinoma|neoplasm|invasive|melanoma|\w*sarcoma|nodul\w*|focus)\b",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"margin|lymph|\bnodes?\b|specimen (?:size|is|measur|consist|with|dimens)|ellipse|cassette|\bskin\b"
    r"|nipple|areola|thick|depth|distance|aggregate|fragments?\b|incision|stitch|suture|\bcyst|myometri|\bgm\b|grams?\b"
    r"|weigh|organ|gallbladder|uterus|prostate (?:is|gland|measur|weigh)|segment of|portion of|piece of|stone"
    r"|haemangioma|hemangioma|hamartoma|polyp|adenoma\b|myoma|fibroid|satellite|in[ -]situ|dcis|biops"
    r"|\bcores?\b|fat(?:ty)?\b|tissue|oriented|colon\b|mastectomy|located|wall\b|vessel|ureter|appendix|kidney,"
    r"|spleen|scar\b|cavity|similar|polysomy|microscop\w+ foc",
    re.IGNORECASE,
)
_NODE = re.compile(r"\bnodes?\b[^.;]{0,40}$", re.IGNORECASE)
_BOUND = re.compile(
    r"(?:\b(?:within|less than|more than|greater than|under|over|not exceeding|exceeds|up to)|[<>≤≥]=?) ?$",
    re.IGNORECASE,
)
# OCR puts stray stops before "from the margin"; a word like "margin" behind a stop is a new sentence's.
_DISTANCE = re.compile(
    r"[.\s]*(?:or more |away |distant )?(?:from|to) (?:the |its |this )?"
    r"(?!(?:medial|lateral|superior|inferior|anterior|posterior) to|\d)\w"
    r"|\s*(?:or more |away |distant )?"
    r"(?:(?:proximal|distal|deep|superior|inferior|lateral|medial) to\b|above|below|beyond"
    r"|of intervening|of (?:the )?(?:\w+ ){0,3}margin|margin|clear)",
    re.IGNORECASE,
)
_THICK = re.compile(
    r"[.,\s]*(?:in |of )?(?:\w+ )?(?:thick|depth|deep\b|wall\b)|[.,\s]*in length", re.IGNORECASE
)
_THING = re.compile(
    r"(?:\.(?= ?(?-i:[a-z])))?[ ,;:()-]{0,3}"
    r"(?:in (?:greatest|maxim\w+|largest) (?:dimension|diameter)\W{1,3})?(?P<between>(?:[\w-]+[ ,]+){0,4}?)"
    r"(?:mass|tumou?r|lesion|nodule|carcinoma|adenocarcinoma)\b",
    re.IGNORECASE,
)


def size_weight(text: str, mention: Mention) -> float:
    """How surely a size is the tumour's: one of the constants above, below 0 where it is something else's.

    The last cue before the size counts; a distance, a thickness or a bound ("less than 5 cm") is no size.
    """
    before = text[max(0, mention.start - _LOOK_BACK) : mention.start]
    after = text[mention.end : mention.end + _LOOK_AHEAD]
    *_, earlier, clause = ["", *_STOP.split(before)]
    if _PRONOUN.match(clause):
        clause = earlier + clause
    if _BOUND.search(before) or _DISTANCE.match(after) or _THICK.match(after):
        return OTHER
    if _LABEL.search(before):
        return LABELLED
    return OTHER if _NODE.search(clause) else _by_cue(before, clause, after)


def _by_cue(before: str, clause: str, after: str) -> float:
    tumor = max((match.start() for match in _TUMOR.finditer(clause)), default=-1)
    other = max((match.start() for match in _OTHER.finditer(clause)), default=-1)
    thing = _THING.match(after)
    if tumor > other:
        return TUMOR if other < 0 else NEARBY
    if _SIZE_LABEL.search(before) and other < 0:
        return NEARBY
    if thing is not None and not _OTHER.search(thing["between"]):
        return NEARBY if other < 0 else FAINT
    return UNKNOWN if other < 0 else OTHER
