"""Form fields: options with a mark, choice lists that nobody filled in."""

import re
from collections.abc import Iterator

from oncofhir.schemas.structure import FormOption, OptionState, StruckReason, StruckSpan
from oncofhir.terminology.lowered import lowered

_MARK = re.compile(
    r"(?P<chosen>\[ ?[xX\u2713\u2714\u2022*] ?\]|[\u2611\u2612\u25c9\u25cf\u2714]|\( ?[xX\u2713*] ?\)"
    r"|_{1,3} ?[xX] ?_{1,3}|<[xX]>)"
    r"|(?P<open>\[[ _]{0,3}\]|[\u2610\u25a1\u25cb]|\([ _]{1,3}\)|(?<![\w_])_{2,6}(?=[ \t]{1,4}[A-Za-z])"
    r"|<[ _]>)"
)
_MAY_MARK = re.compile(
    r"[\[<_\u2610-\u2612\u2714\u25a1\u25c9\u25cb\u25cf]|\([ xX\u2713*_]"
)  # begins one
_STATUS = r"(?:positive|negative|equivocal|indeterminate|pos|neg|not done|pending)"
_CATEGORY = r"(?:[yr]?[pc]?T(?:is|[0-4X][a-d]?)|[yr]?[pc]?N[0-3X][a-c]?)"
# What is offered and not chosen. A pair of values for a pair of names ("ER/PR: positive/negative") is no
# list.
_CHOICES = re.compile(
    rf"(?<![\w/])(?:{_STATUS}(?: ?/ ?{_STATUS}){{1,4}}|(?:left|right|bilateral)(?: ?/ ?(?:left|right"
    rf"|bilateral)){{1,2}}"
    rf"|g?[123](?: ?/ ?g?[1234]){{2,3}}|g?(?:III|II|I)(?: ?/ ?g?(?:III|II|IV)){{2,3}}"
    rf"|(?:well|moderate(?:ly)?|poor(?:ly)?)(?: ?/ ?(?:well|moderate(?:ly)?|poor(?:ly)?"
    rf"|un)){{1,3}}(?:[ -]differentiated)?"
    rf"|(?:low|intermediate|high)(?: ?/ ?(?:low|intermediate|high)){{1,2}}"
    rf"|{_CATEGORY}(?: ?/ ?{_CATEGORY}){{2,5}}|yes ?/ ?no)(?![\w/])",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"\b(?:er|oestrogen|estrogen)[\w ]{0,12}/ ?(?:pg?r|progesterone)[\w ]{0,12}\W{0,4}$",
    re.IGNORECASE,
)
_TWO = re.compile(rf"{_STATUS} ?/ ?{_STATUS}", re.IGNORECASE)
_CHOOSE = re.compile(r"\((?:select|choose|circle|check|tick)[^)\n]{0,40}\)", re.IGNORECASE)
_NOT_SELECTED = re.compile(
    r"[^,;:.\n(]{1,40}\((?:not selected|not chosen|unchecked|not ticked|deselected)\)",
    re.IGNORECASE,
)
_SELECTED = re.compile(r"\((?:selected|chosen|checked|ticked)\)", re.IGNORECASE)
# Each remark with words of which it holds one, in lower case.
_REMARKS = (
    (_CHOOSE, ("(select", "(choose", "(circle", "(check", "(tick")),
    (_NOT_SELECTED, ("selected)", "chosen)", "checked)", "ticked)")),
    (_SELECTED, ("selected)", "chosen)", "checked)", "ticked)")),
)
_YES_NO = re.compile(r"[?:][ \t]*(?P<said>yes|no)\b(?=[ \t]*(?:\n|$|[.;,]))", re.IGNORECASE)
_ASKED = 60  # characters of a question
_ASSERTED = re.compile(
    r"\b(?:positive|over-?expressed|amplified|present|expressed)\b", re.IGNORECASE
)
_LABEL_LINE = re.compile(
    r"(?P<label>[A-Za-z][A-Za-z ()/]{2,40}[: \t]{0,6})(?P<gap>(?:\n[ \t]*){1,12})$"
)
_LOOK_BACK = 40


def options(text: str) -> Iterator[FormOption]:
    """The options of forms, each with its mark, line by line.

    A mark stands before its option, or behind it where a line ends with a mark ("Positive [x] Negative [ ]").
    """
    marks = list(_MARK.finditer(text)) if _MAY_MARK.search(text) else []
    lines: dict[int, list[re.Match[str]]] = {}
    for mark in marks:
        lines.setdefault(text.rfind("\n", 0, mark.start()) + 1, []).append(mark)
    for begins, on_line in lines.items():
        ends = text.find("\n", begins)
        yield from _of_line(text, begins, len(text) if ends < 0 else ends, on_line)


def _of_line(text: str, begins: int, ends: int, marks: list[re.Match[str]]) -> Iterator[FormOption]:
    label = max(
        text.rfind(":", begins, marks[0].start()), text.rfind("?", begins, marks[0].start())
    )
    behind = not text[marks[-1].end() : ends].strip(" \t.;") and bool(
        text[max(begins, label + 1) : marks[0].start()].strip()
    )
    starts = [m.start() for m in marks]
    stops = [*starts[1:], ends]
    if behind:
        starts = [(begins if label < 0 else label + 1), *(m.end() for m in marks[:-1])]
        stops = [m.end() for m in marks]
    for mark, start, stop in zip(marks, starts, stops, strict=True):
        state = OptionState.CHOSEN if mark["chosen"] else OptionState.NOT_CHOSEN
        yield FormOption(start=start, end=stop, state=state)


def not_chosen(text: str, found: tuple[FormOption, ...]) -> Iterator[StruckSpan]:
    """What a form offers and nobody chose."""
    for option in found:
        if option.state is OptionState.NOT_CHOSEN:
            yield _struck(option.start, option.end)
    for match in _CHOICES.finditer(text) if "/" in text else ():
        pair = _TWO.fullmatch(match[0]) and _PAIR.search(
            text, max(0, match.start() - _LOOK_BACK), match.start()
        )
        if not pair:
            yield _struck(match.start(), match.end())
    lower = lowered(text)
    for pattern, hints in _REMARKS:
        if any(hint in lower for hint in hints):
            for match in pattern.finditer(text):
                yield _struck(match.start(), match.end())


def _struck(start: int, end: int) -> StruckSpan:
    return StruckSpan(start=start, end=end, reason=StruckReason.OPTION_NOT_CHOSEN)


def answered(text: str) -> Iterator[tuple[int, int, str]]:
    """Replacements, of the same length, for questions that are answered with yes or no.

    "PR positive? No" says that PR is negative; the question mark and the answer say nothing more.
    """
    for match in _YES_NO.finditer(text):
        first = max(text.rfind("\n", 0, match.start()) + 1, match.start() - _ASKED)
        asserted = _ASSERTED.search(text, first, match.start())
        if asserted is None:
            continue
        start, end = asserted.span()
        if match["said"].lower() == "no":
            yield start, end, "negative".ljust(end - start)[: end - start]
        yield match.start(), match.end(), " " * (match.end() - match.start())


def joined_to_labels(text: str, found: tuple[FormOption, ...]) -> Iterator[tuple[int, int, str]]:
    """Blanks for the line breaks between a label's own line and the option chosen below it."""
    for option in found:
        if option.state is OptionState.CHOSEN:
            label = _LABEL_LINE.search(text, max(0, option.start - 400), option.start)
            if label is not None:
                start, end = label.span("gap")
                yield start, end, " " * (end - start)


def without_marks(text: str) -> str:
    """The text with blanks in place of the marks that choose an option; what is chosen is simply said."""
    return _MARK.sub(lambda mark: " " * len(mark[0]), text) if _MAY_MARK.search(text) else text
