"""Sentences that give orders to a model: what an order dictates is no statement of the report's.

The note is data, not instruction (issue "inference", 7). The prompt's structure is protected elsewhere
(`PromptSet.escape_structure`); this keeps an answer that obeyed from being taken for a finding.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from oncofhir.terminology.lowered import lowered

LONGEST = 400
"""The most characters that an instruction dictates, where nothing shows that the report continues."""
_WHOM = r"(?:ai|assistant|(?:language )?model|llm|chatbot)"
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b[^.\n]{0,40}"
    r"\b(?:previous|prior|above|preceding|earlier|all|everything)\b"
    r"[^.\n]{0,20}\b(?:instruction|prompt|text|order|rule|context|direction)"
    r"|\b(?:ignore|disregard|forget|override) (?:all of |everything )(?:the )?(?:above|before)"
    rf"|\bsystem prompt\b|\bnew instructions?:|\byou are (?:now )?(?:an? )?(?:helpful )?{_WHOM}\b"
    rf"|\bas an? (?:ai|language model)\b|\b(?:dear|attention|note to(?: the)?|hey|hello),? {_WHOM}\b"
    r"|\b(?:always|only|must|please) (?:answer|respond|reply|output)\b"
    r"|\b(?:always|only|must|please) (?:return|report|say|state)"
    r" (?:only|exactly|that the answer|the answer)\b"
    r"|\b(?:answer|respond|reply|output) (?:only|exactly|with|always)\b"
    r"|\[/?inst\]|<</?sys>>|<\|[a-z_]+\|>|</?s>"
    r"|###\s*(?:instruction|response|input|system|answer)\b"
    r"|\b(?:system|assistant|user):\s|</?(?:system|assistant|user|instructions?)>"
)
# One of these is in every order; most reports hold none, and need no walk by the pattern.
_HINTS = (
    "instruction", "prompt", "ignore", "disregard", "forget", "override", "assistant", " ai", " model",
    " llm", "chatbot", "answer", "respond", "reply", "output", "always", "only ", "must ", "please ",
    "inst]", "sys>>", "<|", "<s>", "</s>", "###", "system", "user",
)  # fmt: skip
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n")
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
_VALUE = re.compile(
    r"\d|carcinoma|cancer|benign|positive|negative|left|right|bilateral|grade|stage"
)
_PROSE = 150  # characters of a paragraph that is the report's and not dictation
_LOOK_BACK = 200
_CLOSE = 40  # characters between two orders in a row
_MARKS = 60  # blanks before a heading on its own line


def injected_spans(text: str, headings: Sequence[int]) -> list[tuple[int, int]]:
    """Stretches of orders with what they dictate, apart and in text order.

    A stretch begins with the order's sentence. Behind the first value that it dictates it ends with a
    section's heading on its own line (`headings`: where sections begin) or with the paragraph, when
    prose follows; otherwise after `LONGEST` characters.
    """
    lower = lowered(text)
    if not any(hint in lower for hint in _HINTS):
        return []
    own_lines = [at for at in headings if _begins_line(text, at)]
    stretches: list[tuple[int, int]] = []
    for first, at in _in_a_row(lower):
        start = _sentence_start(lower, first)
        if stretches and start <= stretches[-1][1]:
            start = stretches.pop()[0]
        stretches.append((start, _end(lower, start, at, own_lines)))
    return stretches


def _in_a_row(lower: str) -> list[tuple[int, int]]:
    """Where orders begin and end; those that follow one another closely are one."""
    rows: list[tuple[int, int]] = []
    for match in _ORDER.finditer(lower):
        close = rows and match.start() - rows[-1][1] <= _CLOSE
        first = rows.pop()[0] if close else match.start()
        rows.append((first, match.end()))
    return rows


def _begins_line(text: str, at: int) -> bool:
    before = text[max(0, at - _MARKS) : at]
    return at == 0 or ("\n" in before and not before.rpartition("\n")[2].strip())


def _sentence_start(lower: str, at: int) -> int:
    first = max(0, at - _LOOK_BACK)
    ends = [match.end() for match in _SENTENCE_END.finditer(lower, first, at)]
    return ends[-1] if ends else first if first == 0 else at


def _end(lower: str, start: int, at: int, headings: Sequence[int]) -> int:
    """Where the dictation ends of an order that ends at `at`; it, or orders before it, began at `start`."""
    last = min(len(lower), at + LONGEST)
    value = _VALUE.search(lower, max(start, at - LONGEST), last)
    if value is None:
        return last
    behind = max(value.end(), at)
    first = bisect_left(headings, behind)
    ends = [heading for heading in headings[first : first + 1] if heading < last]
    paragraphs = [m.span() for m in _PARAGRAPH.finditer(lower, behind, last + _PROSE)]
    bounds = [*paragraphs, (len(lower), len(lower))]
    for (_, begins), (stops, _) in pairwise(bounds):
        if stops - begins >= _PROSE:
            ends.append(begins)
    return min([last, *ends])
