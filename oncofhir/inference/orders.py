"""Sentences that give orders to a model: what follows one is not a report's statement about its patient.

The note is data, not instruction (issue "inference", 7). The prompt's structure is protected elsewhere
(`PromptSet.defused`); this keeps an answer that obeyed from being taken for a finding.
"""

import re

REACH = 400
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b[^.\n]{0,40}\b(?:previous|prior|above|preceding|earlier|all)\b"
    r"[^.\n]{0,20}\b(?:instruction|prompt|text|order|rule|context|direction)"
    r"|\bsystem prompt\b|\byou are (?:now )?(?:an? )?(?:ai|assistant|language model|chatbot)\b"
    r"|\bas an? (?:ai|language model)\b|\b(?:dear|attention) (?:ai|assistant|model|llm)\b"
    r"|\b(?:always|only|must|please) (?:answer|respond|reply|output|return)\b"
    r"|\b(?:answer|respond|reply|output) (?:only|exactly|with|always)\b"
    r"|\[/?INST\]|<</?SYS>>|<\|[a-z_]+\|>|</s>|###\s*(?:instruction|response|input|system)\b"
    r"|\b(?:system|assistant|user):\s",
    re.IGNORECASE,
)


def orders_in(text: str) -> list[int]:
    """Where orders begin, in text order."""
    return [match.start() for match in _ORDER.finditer(text)]
