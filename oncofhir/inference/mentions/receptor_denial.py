"""Whether "no" and "negative" before a receptor are said of it: "no ER expression"; not "no HER2 testing"."""

import re

from oncofhir.inference.mentions.receptor_tokens import Token

# "Margins negative ER positive": a status opens a phrase, or it is of what stands before it.
_OPENS = re.compile(r"(?:^|[,;:.\n(]|\b(?:and|is|are|was|were|but))\s*$", re.IGNORECASE)
_IS_ANSWER = re.compile(r"[:=|]\s*$")
_EXPRESSED = (
    r"(?:over-?)?(?:express\w*|amplif\w*|stain\w*|immuno\w*|reactiv\w*|positiv\w*"
    r"|found|seen|detect\w*|identified|present|demonstrat\w*)"
)
_BEFORE = re.compile(
    rf"\s(?:significant |detectable |definite |nuclear |evidence of )*{_EXPRESSED}"
    r" (?:of|for|to|with) (?:the )?",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    rf"[ \t](?:protein |gene |receptors? |nuclear )*{_EXPRESSED}"
    r"(?![\w ]{0,12}(?:test|stud|assay|order|perform|result))",
    re.IGNORECASE,
)


def opens_phrase(text: str, status: Token) -> bool:
    """Whether nothing stands before a status that it could be said of."""
    return _OPENS.search(text[max(0, status.start - 20) : status.start]) is not None


def denies(text: str, no: Token, first: Token, last: Token) -> bool:
    """Whether "no" says that the receptors from `first` to `last` are not expressed.

    That they were not tested is no result, and "LVI: no" is of what stands before it.
    """
    if _IS_ANSWER.search(text[max(0, no.start - 3) : no.start]):
        return False
    between = text[no.end : first.start]
    if _BEFORE.fullmatch(between):
        return True
    is_next = between.isspace() and "\n" not in between
    return is_next and _BEHIND.match(text, last.end) is not None
