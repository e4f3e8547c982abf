"""Lower case that keeps every character at its place, and patterns for many words that are quick on it.

Python's `re` walks through all alternatives at each character of a case-insensitive pattern; on lower-case
text it sees from the first letter that none can match.
"""

import re
from collections.abc import Iterable


def lowered(text: str) -> str:
    """The text in lower case; as long as the text, so offsets hold for both."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(c if len(c.lower()) != 1 else c.lower() for c in text)


def any_of(words: Iterable[str]) -> str:
    """A pattern that matches any of these lower-case words, the longest where several begin alike."""
    by_first: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        by_first.setdefault(word[0], []).append(re.escape(word[1:]))
    return "|".join(f"{re.escape(first)}(?:{'|'.join(rests)})" for first, rests in by_first.items())
