"""From what servers report about tokens to where each token ends in the text, in characters.

TGI's offsets are bytes, a Python tokenizer's are characters, vLLM returns the tokenizer's own strings
("Ġtumor", "▁tumor", "<0x0A>"), llama.cpp pieces of text or of bytes. What cannot be right is refused.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>\Z")


def ends_of_spans(text: str, spans: Sequence[tuple[int, int]]) -> tuple[int, ...] | None:
    """Return token ends from (start, stop) offsets in bytes or characters; None for impossible ones.

    Spans without a size are special tokens. Offsets that do not grow or do not reach the end of the text
    (TGI without a writable folder answers 0 for every token) are impossible.
    """
    stops = [stop for start, stop in spans if stop > start]
    if not stops or any(a > b for a, b in pairwise(stops)):
        return None
    size = len(text.encode("utf-8", "surrogatepass"))
    last = stops[-1]
    if last > size:
        return None
    # a text of several bytes a character is covered by byte offsets beyond its length in characters
    are_bytes = last > len(text) or abs(size - last) < abs(len(text) - last)
    ends = _in_characters(text, stops) if are_bytes else tuple(stops)
    return ends if not text[ends[-1] :].strip() else None


def ends_of_pieces(text: str, pieces: Sequence[bytes]) -> tuple[int, ...] | None:
    """Return token ends from the bytes of each token; None if they are not the bytes of the text."""
    raw = text.encode("utf-8", "surrogatepass")
    if b"".join(pieces) not in (raw, b" " + raw):  # SentencePiece adds a blank at the beginning
        return None
    extra = sum(map(len, pieces)) - len(raw)
    return _in_characters(text, [max(0, end - extra) for end in accumulate(map(len, pieces))])


def ends_of_strings(text: str, strings: Sequence[str]) -> tuple[int, ...] | None:
    """Return token ends from the tokenizer's own strings, of byte-level BPE or SentencePiece."""
    if all(character in _BYTE_OF for string in strings for character in string):
        pieces = [bytes(_BYTE_OF[character] for character in string) for string in strings]
        if (ends := ends_of_pieces(text, pieces)) is not None:
            return ends
    pieces = [
        bytes([int(found[1], 16)])
        if (found := _BYTE_TOKEN.match(string))
        else string.replace("\u2581", " ").encode("utf-8", "surrogatepass")
        for string in strings
    ]
    return ends_of_pieces(text, pieces)


def evenly_spaced_ends(text: str, count: int) -> tuple[int, ...]:
    """Return `count` token ends at equal distances, where only the number of tokens is known."""
    return tuple(round(len(text) * (at + 1) / count) for at in range(count))


def _in_characters(text: str, offsets: Sequence[int]) -> tuple[int, ...]:
    """Convert ascending byte offsets into the number of characters that have begun before them."""
    if text.isascii():
        return tuple(offsets)
    starts = [0, *accumulate(len(c.encode("utf-8", "surrogatepass")) for c in text)]
    return tuple(min(bisect_left(starts, offset), len(text)) for offset in offsets)


def _byte_level_alphabet() -> dict[str, int]:
    """Return the byte of each character of byte-level BPE (GPT-2's encoder.py, bytes_to_unicode)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    pairs = [(chr(b), b) for b in printable] + [(chr(256 + n), b) for n, b in enumerate(others)]
    return dict(pairs)


_BYTE_OF = _byte_level_alphabet()
