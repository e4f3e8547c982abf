"""The words of a receptor's result: names, statuses, scores, percentages, ratios."""

import re
from collections.abc import Iterator

from oncofhir.schemas.base import Value

NAMES = ("ER", "PR", "HER2")
BETWEEN = 70
"""Characters between a name and its status, or from one word of the status to the next."""
# Where a name can be, quicker to find than a token.
HINT = re.compile(
    r"strogen|progesterone|(?<![a-z])(?:er|pg?r)(?![a-z])|her[- ]{0,3}2|erb|triple|tnbc|hormone receptor"
    r"|\bf?ish\b|hybridi"
)
_NAME = (
    r"(?P<ER>(?:o?e?strogen(?:[- ]{1,2}receptors?)?"
    r"|(?<!the )(?<!in )(?<![a-z0-9])er(?![a-z0-9]))(?: protein| ?\(er\))?(?: status)?)"
    r"|(?P<PR>(?:progest(?:erone|in)(?:[- ]{1,2}receptors?)?|(?<![a-z0-9])pg?r(?![a-z0-9]))(?: protein"
    r"| ?\(pg?r\))?(?: status)?)"
    r"|(?P<HER2>(?<![a-z])(?:her[- ]{0,3}2|c-?erb-?b-?2|erbb2|her[ -]?neu)(?:[- /]{0,4}neu)?(?: ?/ ?(?:cep"
    r"|chr|cen)[ -]?17)?(?: oncoprotein| protein)?(?: \(erbb2\))?(?: status)?)"
)
_STATUS = (
    r"(?P<negative>\bneg[ -]?ative\b|\bnot (?:significantly )?(?:over-?)?(?:amplified|expressed|detected"
    r"|positive)|\bnon-?amplified|\bnon-?reactive"
    r"|\bwithout (?:gene )?amplification|\bno (?:over-?expression|(?:gene )?amplification|staining"
    r"|expression|immunoreactivity)"
    r"|\babsent\b|\bunamplified|\bneg\b\.?|(?<=[: ])(?:none|nil)\b|\bno evidence of (?:gene )?amplification)"
    r"|(?P<equivocal>\bequivocal|\bindeterminate|\bborderline)"
    r"|(?P<positive>\bpos[it1l]{1,3} ?ive\b|\bamplified|\bgene amplification|\bover-?expressed"
    r"|\bover-?expression|\bpos\b\.?|\bpresent\b|\breactive\b|\bdetected\b)"
    r"|(?P<ratio>\bratio(?: (?:of|is|was))?[ :=]{1,3}(?P<nratio>\d{1,2}(?:\.\d{1,2})?))"
    r"|(?P<allred>\ballred(?: (?:total )?score)?(?: (?:of|is))?[ :=]{1,3}(?P<nallred>\d)\b(?:[ ]{0,14}(?:/"
    r"|out of)[ ]{0,14}8)?|\(?\b(?P<nallred2>[0-8]) ?/ ?8\b\)?)"
    r"|(?P<irs>\birs(?: (?:of|is))?[ :=]{1,3}(?P<nirs>\d{1,2})\b(?: ?/ ?12)?)"
    r"|(?P<hscore>\bh[- ]?score(?: (?:of|is))?[ :=]{1,3}(?P<nh>\d{1,3}))"
    r"|(?P<score>(?:\bscore[d]?[ :=]{1,3})?\(?(?<![\d.])(?P<nscore>[0-3l]) {0,14}\+(?!\d)\)?|(?:\bihc"
    r"|\bscore)[ :=]{1,3}(?P<nscore2>[0-3])(?![\d.%/]))"
    r"|(?P<percent>(?P<less>(?:<|less than|under"
    r"|fewer than) ?)?(?P<npercent>\d{1,3}(?:\.\d)?)(?: ?- ?\d{1,3})? ?(?:%|percent|per cent))"
    r"|(?P<zero>(?<=[: (=])(?P<nzero>0)(?![\d%/+]|\.\d) ?(?=[,.;)\n]|$|\s))"
    r"|(?P<lacks>\black(?:s|ing)\b|\bnot express\b|\bnot\b(?= (?:immuno)?(?:reactiv|stain|express))|\bno\b"
    r"|\babsence of\b|\bwithout\b|\bdevoid of\b)"
)
# "ER+ PR- HER2-", "ER (+)"; a minus is a status only where nothing else can follow it.
_SIGN = (
    r"(?P<plus>\+ ?ve\b|(?<=[RrUu2]) ?\+{1,3}(?!\d)|\( ?\+{1,3} ?(?=[,)])\)?|(?<=[:/]) ?\+(?= ?[,;./\n]"
    r"| \(|$)"
    r"|(?<=\s)\+{1,3}(?=\s*[,;.\n(]|$))"
    r"|(?P<minus>- ?ve\b|(?<=[RrUu2]) ?-(?=[,;/).]|$|\s*(?:pg?r|her|er)(?![a-z])|\s*\n)"
    r"|\( ?-{1,3} ?(?=[,)])\)?"
    r"|(?<=/)-(?=[/,;.\s]|$)|(?<=: )-(?=/)|(?<=\s)-(?=\s*[,;.]|$))"
)
_TRIPLE = r"(?P<triple>\btriple[- ]{1,2}neg(?:ative)?\b|\btnbc\b)"
_ISH = r"(?P<ish>\b(?:reflex )?(?:d-?)?(?:f|c|s)?ish\b|\bin[- ]situ hybridi[sz]ation)"
_EXPRESSES = r"(?P<expresses>\bexpress(?:es|ing)?\b|\b(?:immuno)?(?:reactiv|stain)\w{0,4} for\b)"
_TOKEN = re.compile(rf"{_TRIPLE}|{_NAME}|{_EXPRESSES}|{_STATUS}|{_SIGN}|{_ISH}", re.IGNORECASE)
_KINDS = (
    "triple", "ER", "PR", "HER2", "negative", "equivocal", "positive", "ratio", "allred", "irs",
    "expresses", "hscore", "score",
    "percent", "zero", "lacks", "plus", "minus", "ish",
)  # fmt: skip
_NUMBERS = {
    "ratio": ("nratio",),
    "allred": ("nallred", "nallred2"),
    "irs": ("nirs",),
    "hscore": ("nh",),
    "score": ("nscore", "nscore2"),
    "percent": ("npercent",),
    "zero": ("nzero",),
}
_NO_STATUS = frozenset({*NAMES, "triple", "lacks", "expresses", "ish"})
# What may stand between the short name of a receptor and its status; anything else speaks of another thing
# ("PR bleeding, guaiac positive").
CONNECTED = re.compile(
    r"(?:[\s:=,()\-/\"'\[\]*_|>~.]|\b(?:is|are|was|were|be|to|status|receptors?|protein|oncoprotein|neu|express\w*|immuno\w*|ihc|by|stain\w*|nuclear|nuclei"
    r"|nucleus|tumou?rs?|cells?|assay|results?|scores?|scoring|tests?|testing|tested|strong\w*|weak\w*|moderate\w*|diffuse\w*|focal\w*|intensity|of|in|the|for|with"
    r"|approximately|about|over|more|than|less|invasive|carcinoma|component|both|shows?|showed|found|analysis|h|complete|incomplete|membran\w*|interpretation"
    r"|gene|ratio|copy|number|average|mean|low|high|variable|patchy|remains?|reported|as|determined|performed|block|on|at|today'?s?|also|markers?|hormone"
    r"|predictive|proportion|percentage|total|allred|quick|repeat|residual|biopsy|core|and|all|faint|barely|perceptible|clone|sp1|sp2|1e2|4b5|\w\d{1,2}|cep17|dual|probe"
    r"|signals?|per|cell|population|not|%|\d{1,3}(?:\.\d{1,2})?)\b|%|\d)*",
    re.IGNORECASE,
)
# A change of the gene says nothing of the receptor: "HER2 exon 20 mutation positive", "ERBB2 S310F detected".
_GENE_CHANGE = (
    r"\b(?:mutati\w+|mutants?|mutated|exons?|variants?|insertions?|deletions?|duplications?|sequenc\w+"
    r"|wild[- ]?type|polymorphisms?|fusions?|rearrange\w+|ngs|p\.\s?[a-z]\w*|[a-z]\d{2,4}[a-z])\b"
)
OF_GENE = re.compile(rf"[^,;:.\n]{{0,25}}?{_GENE_CHANGE}", re.IGNORECASE)
# What speaks of the test, of a definition or of other patients, and not of this tumour.
NOT_A_RESULT = re.compile(
    r"defined|criteri|categor|\bif\b|obtain|guideline|patients|known|control|\bclones?\b|ordered|pending"
    r"|\ball (?:patients|cases|tumou?rs)|deferred|await|to follow|not performed|not done"
    rf"|{_GENE_CHANGE}",
    re.IGNORECASE,
)
NOT_A_STATUS = re.compile(
    r"\s*(?:is|are) defined|\s*(?:breast |metastatic )?cancer patients|\s*categor|\s*control"
    r"|\s*staining result that|\s*in house|\s*results\b|\s*predictive"
    r"|\s*(?:for |with )?(?:an? |the )?(?:\w+ )?(?:mutation|variant|exon\b|insertion)",
    re.IGNORECASE,
)


class Token(Value):
    """One token with its place. `kind` is a name, a status or what leads to one; `number` its value."""

    kind: str
    start: int
    end: int
    number: float | None = None
    is_short: bool = False
    is_ish: bool = False

    @property
    def is_status(self) -> bool:
        return self.kind not in _NO_STATUS

    def as_name(self, name: str) -> "Token":
        """The token as the name of a receptor."""
        return self.model_copy(update={"kind": name, "is_short": False, "is_ish": True})


def tokens_in(text: str, start: int, end: int) -> Iterator[Token]:
    """The tokens of a stretch, in order."""
    for match in _TOKEN.finditer(text, start, end):
        kind = next(kind for kind in _KINDS if match[kind] is not None)
        number = None
        for group in _NUMBERS.get(kind, ()):
            if match[group] is not None:
                number = float(match[group].lower().replace("l", "1"))
        if kind == "percent" and match["less"] and number is not None and number <= 1:
            number = 0.0
        word = match[0]
        yield Token(
            kind={"plus": "positive", "minus": "negative"}.get(kind, kind),
            start=match.start(),
            end=match.end(),
            number=number,
            is_short=kind in {"ER", "PR"} and "ge" not in word.lower(),
        )
