"""What a size measures: the tumour, or a specimen, a margin, a node, a definition."""

import re

from oncofhir.inference.mentions import Mention

TUMOR, NEARBY, UNKNOWN, OTHER = 2.0, 1.5, 0.0, -1.0
LABELLED = 3.0
FAINT = 0.5
_LOOK_BACK = 130
_LOOK_AHEAD = 60
_STOP = re.compile(r"[;\n]|(?<=[a-zA-Z)\d%])\.\s+(?=[A-Z\[])")
_PRONOUN = re.compile(r"\s*(?:it|this|these|which)\b", re.IGNORECASE)
_LABEL = re.compile(
    r"(?:(?:[tl]umou?r|lesion|mass|cancer|carcinoma) (?:size|dimensions?|diameter)"
    r"|(?:size|(?:greatest|maximum|maximal|largest) (?:dimension|diameter)) of (?:the )?(?:largest )?"
    r"(?:\w+ )?(?:[tl]umou?r|lesion|mass|carcinoma|invasive|focus))\W{0,3}[^\d;]{0,60}$",
    re.IGNORECASE,
)
_SIZE_LABEL = re.compile(r"(?:^|[\W_])size[ :;=-]{1,4}$", re.IGNORECASE)
_GREATEST = re.compile(
    r"(?:^|[.;\n]\s*)(?:the )?(?:greatest|maximum|maximal|largest|max\.?) (?:dimension|diameter|extent"
    r"|size)\W{1,4}(?:is |of |was )?$",
    re.IGNORECASE,
)
_TUMOR = re.compile(
    r"\b(?:[tl]umou?rs?|mass(?:es)?|lesions?|\w*carcinomas?|carcinome|\w*carcinome|neoplasm"
    r"|invasive|melanoma|\w*sarcoma"
    r"|(?<!dysplastic )(?<!cirrhotic )(?<!hyperplastic )(?<!regenerative )(?<!adenomatous )"
    r"(?<!colloid )nodul\w*"
    r"|foc(?:us|i)|lymphoma|\w*blastoma|mesothelioma|astrocytoma|cancer|gist|carcinoid|seminoma)\b",
    re.IGNORECASE,
)
_ORGANS = (
    r"colon|kidney|uterus|gallbladder|appendix|ureter|vessel|spleen|prostate|mastectomy|wall|skin"
    r"|nipple|breast|lung|lobe|pole|segment|rectum|cecum|caecum|liver|pancreas|thyroid"
)
# An organ in which the tumour sits is no other thing: "adenocarcinoma of the ascending colon, 38 mm".
_WHERE = re.compile(
    rf"\b(?:of|in|at|from|within|involving) (?:the |her |his )?(?:[\w-]+ ){{0,4}}(?:{_ORGANS})\b",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"margin|lymph(?!o?-?vascular|atic invasion)|\bnodes?\b|deposits?\b|ellipse|cassette"
    r"|specimen (?:size|is|measur|consist|with|dimens)"
    r"|\bskin\b"
    r"|nipple|areola|thick|breslow|depth|\bdoi\b|adenomatous|hyperplastic nod|\bdeep\b|distance|aggregate"
    r"|fragments?\b|incision|stitch|suture|\bcysts?\b|cystic|myometri|\bgm\b|grams?\b"
    r"|weigh|organ\b|gallbladder|uterus|prostate (?:is|gland|measur|weigh)|segment of|portion of|piece of"
    r"|stone|calcul"
    r"|haemangioma|hemangioma|hamartoma|polyp|adenoma\b|myoma|fibroid|satellite|(?P<situ>in[ -]situ|dcis"
    r"|lcis|intraductal)|biops(?!y[- ]proven|ied)"
    r"|\bcores?\b|fat(?:ty)?\b|tissue|oriented|colon\b|mastectomy|located|wall\b|vessel|ureter"
    r"|appendix|kidney,"
    r"|spleen|scar\b|cavity|similar|polysomy|microscop\w+ foc|\bbed\b|goit(?:re|er)|\bspan of\b|\bcin\b"
    r"|meningioma|granuloma|lipoma|keratos|n(?:a)?evus"
    r"|oncocytoma|schwannoma|neurofibroma|papilloma|hyperplasia\b|dysplas|(?:cirrhotic|regenerative) nod"
    r"|\bshift|\bmls\b|displace|deviat|effusion|abscess|infarct"
    r"|clip|fibrosis|hematoma|haematoma|seroma|aneurysm|hernia|catheter|mitos|hpf|\bfield|metasta(?:sis"
    r"|ses|tic)|benign|ulcer|from the (?:nipple|skin|chest)|clearance",
    re.IGNORECASE,
)
_LAYERS = (
    r"stroma|stromal|cervical stroma|cervical stromal|myometri\w+|submucos\w+|muscular\w*|dermis|dermal"
    r"|subcut\w+|mural|muscle|capsul\w+|serosa\w*|pericolic\w*|mesorect\w+|fat"
)
_NODE = re.compile(r"\b(?:nodes?|nodal)\b[^.;]{0,40}$", re.IGNORECASE)
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
    r"|(?:from |off )?(?:cm ?)?(?:fn|ftn|n\+|fav|av|a\.v\.|dl|ab (?:ano|incisors?)|from nip\w*)(?![\w-])"
    r"|of (?:a |the )?(?:\d{1,3}(?:[.,]\d)? ?mm )?(?:long )?(?:core|biopsy)\b"
    r"|of intervening|of (?:the )?(?:\w+ ){0,3}margin|margin|clear)",
    re.IGNORECASE,
)
# "19 mm, depth of stromal invasion is 7 mm": the depth has a size of its own, behind it.
_NOT_OWN = (
    r"(?!(?: (?:of|into|in|through|beyond)(?: the)?(?: [a-z-]+){1,3}?){0,2}(?: ?\(\w+\))?\W{0,3}"
    r"(?:(?:of|is|was|at|to|up|about|approximately|measur\w+|maximum|maximal|max)\W{1,2}){0,3}\d)"
)
_THICK = re.compile(
    rf"[.,\s]*(?:in |of )?(?:[\w']+ )?(?:thick\w*\b|depth\b|deep\b|wall\b){_NOT_OWN}|[.,\s]*in length"
    rf"|[ ,]*(?:breslow(?! (?:thickness|depth))|doi)\b{_NOT_OWN}"
    rf"|[ -](?:of )?(?:(?:{_LAYERS}) ){{0,2}}invasion\b{_NOT_OWN}"
    rf"|\s*(?:deep )?(?:in)?to (?:the )?(?:[\w-]+ )?(?:{_LAYERS})\b",
    re.IGNORECASE,
)
# How far a tumour grows into a layer: "stromal invasion of 9 mm", "invades the myometrium to 9 mm".
_ABOUT = r"is|of|to|by|up|about|approximately|measur\w+|depth|maximum|max"
_INVASION = re.compile(
    rf"\b(?:{_LAYERS}) invasion\b(?:[ :=(,]{{1,3}}(?:{_ABOUT})\b)*[ :=(~]{{1,3}}$"
    r"|\b(?:invad|infiltrat|penetrat|extend)(?:es|ed|ing|s)\b(?: (?!area)\w+){0,5}?"
    r" (?:to|by|for|of|about|approximately) $"
    r"|\b(?:invad|penetrat)(?:es|ed|ing|s) $"
    r"|\b(?:thickness|depth) (?:of|into)\b[^.;,\d]{0,60}$",
    re.IGNORECASE,
)
# The thing itself follows the size: "a 4.0 cm multinodular goitre", "12 mm simple cyst", "a 14 mm polyp".
_OTHER_THING = re.compile(
    r"[ ,-]{1,3}(?:(?!(?:on|in|from|of|with|at|to|and|by|is|was)\b)[\w-]+ ){0,2}?(?:goit(?:re|er)|cysts?"
    r"|polyps?|adenomas?|fibroadenoma|fibroids?|myomas?"
    r"|granuloma|node|nodes|lymph|margin|cores?|stone|calculus|scar|meningioma|deposit"
    r"|hemangioma|haemangioma|lipoma|ulcer|hernia|aneurysm|hematoma|clip|incision|specimen|ellipse"
    r"|oncocytoma|schwannoma|neurofibroma|papilloma|hamartoma|hyperplasia|keratosis|abscess|infarct"
    r"|effusion|needle|catheter|drain|fragment|segment of|portion of|piece of)\b"
    r"|[. ]{1,3}aggregate of\b"
    r"|[ -]{1,2}(?:of )?(?:(?!(?:and|with|in|from)\b)[\w-]+ ){0,4}?(?:shift|mls|herniation"
    r"|displacement|deviation)\b",
    re.IGNORECASE,
)
# What is measured is called benign behind its size: "1.8 cm, benign", "1.8 cm: follicular adenoma".
_BENIGN = re.compile(
    r"(?:\W{1,3}(?:nodule|mass|lesion|tumou?r|focus|one|finding))?"
    r"(?:\W{1,3}(?:is|are|was|were|and|which|histologically|grossly|also|compatible with"
    r"|consistent with|likely)){0,3}"
    r"\W{1,3}(?:benign|non-?neoplastic|non-?malignant|negative for (?:malignan|carcinoma|tumou?r|cancer))"
    r"(?:\w*(?= *[.,;:)\n]| *$)| (?:nodule|mass|lesion|tumou?r|neoplasm|process|finding|cyst|change))"
    r"| ?[:=] ?(?:[\w-]+ ){0,3}?(?:adenoma|fibroadenoma|cyst|goit(?:re|er)|hyperplasia|oncocytoma"
    r"|hamartoma|papilloma"
    r"|ha?emangioma|leiomyoma|fibroid|polyp|lipoma|angiomyolipoma|keratosis|granuloma|n(?:a)?evus)s?\b",
    re.IGNORECASE,
)
# A position and no extent: "tumor at 25 cm", "mass from 8 to 12 cm", "left breast, 2:30, 5 cm".
_AT = re.compile(
    r"(?:\bat|@)(?: ?(?:about|approximately|approx\.?|around|circa|ca\.?|level|the level of|[~\u2248]))? ?"
    r"(?:\d{1,3}(?:[.,]\d)? ?(?:cm|mm)?(?: ?[-\u2013] ?| to | and | & ))?$",
    re.IGNORECASE,
)
_SIZED_AT = re.compile(
    r"(?:\b(?:measur\w*|siz\w*|dimensions?|diameters?|estimated|spann\w*|extent|stable|unchanged)"
    r"(?: \w+){0,2}|\b(?:largest|greatest|biggest|maxim\w+|longest)(?: \w+){0,3}) $",
    re.IGNORECASE,
)
_IN_DIMENSION = re.compile(
    r",? ?(?:in|is|as)? ?(?:its |the )?(?:greatest|largest|maxim\w+|longest|size|diameter"
    r"|dimension|across)\b",
    re.IGNORECASE,
)
_FROM_TO = re.compile(
    r"(?P<verb>\w+)[ ,]{1,2}from \d{1,3}(?:[.,]\d)? ?(?:cm|mm)? ?(?:to|-|\u2013) ?$"
)
_CHANGE = re.compile(
    r"rang|var|measur|siz|increas|decreas|gr[eo]w|enlarg|progress|reduc|shr[aiu]nk|chang|diminish"
    r"|regress|up$|down$",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"\b(?:1[0-2]|0?[1-9])(?::[0-5]\d| ?o'? ?clock)(?: position)?[ ,;(]{1,3}$", re.IGNORECASE
)
# An organ and its own measure: "Left ovary 3 cm".
_ORGAN_ITSELF = re.compile(
    r"\W*(?:the )?(?:(?:right|left|remaining|entire) )?(?:ovary|testis|testicle|uterus|cervix|kidney"
    r"|spleen|prostate|thyroid|fallopian tube|tube|adrenal|gallbladder|appendix)(?: gland| lobe)?"
    r"(?: is| was| measur\w+)?[ :,]*",
    re.IGNORECASE,
)
# Then its measure is the tumor's: "Ovary measures 9.5 cm and is replaced by carcinoma".
_REPLACED = re.compile(r"\b(?:replaced|occupied|effaced|consists?|involved)\b", re.IGNORECASE)
# What was received: "labeled left lung mass and consists of a 0.9 x 0.5 cm aggregate".
_CONSISTS = re.compile(
    r"\bconsists? of (?:an? |one |two |three |several |multiple )?(?:[\w-]+ ){0,2}$"
)
_MASS = re.compile(
    r" (?:[\w-]+ ){0,3}?(?:mass|tumou?r|lesion|nodule|carcinoma|cancer|focus)\b", re.IGNORECASE
)
_THING = re.compile(
    r"(?:\.(?= ?(?-i:[a-z])))?[ ,;:()-]{0,3}"
    r"(?:in (?:greatest|maxim\w+|largest) (?:dimension|diameter)\W{1,3})?(?P<between>(?:[\w-]+[ ,]+){0,4}?)"
    r"(?:mass|tumou?r|lesion|nodule|carcinoma|adenocarcinoma|cancer|melanoma|sarcoma)\b",
    re.IGNORECASE,
)


def tumour_size_weight(text: str, mention: Mention, *, in_situ: bool = False) -> float:
    """How surely a size is the tumour's: one of the constants above, below 0 where it is something else's.

    The last cue before the size counts; a distance, a thickness or a bound ("less than 5 cm") is no size.
    `in_situ`: the tumour is in situ, so that the extent of what is in situ is the tumour's.
    """
    before = text[max(0, mention.start - _LOOK_BACK) : mention.start]
    after = text[mention.end : mention.end + _LOOK_AHEAD]
    *_, earlier, clause = ["", *_STOP.split(before)]
    if _PRONOUN.match(clause):
        clause = earlier + clause
    if _BOUND.search(before) or _INVASION.search(clause):
        return OTHER
    if any(p.match(after) for p in (_DISTANCE, _THICK, _BENIGN)) or _is_position(
        before, mention, after
    ):
        return OTHER
    if _LABEL.search(before):
        return LABELLED
    is_named = _THING.match(after) or _REPLACED.search(
        text, mention.end, mention.end + 2 * _LOOK_AHEAD
    )
    is_whole = not is_named and (_CONSISTS.search(before) or _ORGAN_ITSELF.fullmatch(clause))
    if is_whole or _NODE.search(clause) or _OTHER_THING.match(after):
        return OTHER
    if _GREATEST.search(before):
        return _of_earlier(earlier, in_situ=in_situ)
    return _by_cue(before, clause, after, in_situ=in_situ)


def _is_position(before: str, mention: Mention, after: str) -> bool:
    """Whether a length says where a thing is and not how large."""
    if len(mention.dimensions) > 1:
        return False
    at = _AT.search(before)
    if at is not None:
        return not _SIZED_AT.search(before[: at.start()]) and not _IN_DIMENSION.match(after)
    stretch = _FROM_TO.search(before)
    if stretch is not None:
        return _CHANGE.search(stretch["verb"]) is None
    is_whole = mention.number is not None and mention.number % 10 == 0
    return is_whole and _CLOCK.search(before) is not None and not _MASS.match(after)


def _of_earlier(earlier: str, *, in_situ: bool) -> float:
    """What "Greatest dimension 6.4 cm" measures: the thing of the sentence before."""
    weight = _by_cue(earlier, earlier, "", in_situ=in_situ)
    return NEARBY if weight >= 0 else OTHER


def _by_cue(before: str, clause: str, after: str, *, in_situ: bool) -> float:
    words = _WHERE.sub(lambda m: " " * len(m[0]), clause)
    named = list(_TUMOR.finditer(words))
    tumor = named[-1].start() if named else -1
    other = -1
    for match in _OTHER.finditer(words):
        if in_situ and match["situ"]:
            tumor = max(tumor, match.start())
        else:
            other = match.start()
    thing = _THING.match(after)
    if tumor > other:
        is_sure = other < 0 and not (named and named[-1][0].lower().startswith("nodul"))
        return TUMOR if is_sure else NEARBY
    if _SIZE_LABEL.search(before) and other < 0:
        return NEARBY
    if thing is not None and not _OTHER.search(thing["between"]):
        return NEARBY if other < 0 else FAINT
    return UNKNOWN if other < 0 else OTHER
