"""Whether text from a PDF can be what its pages show.

A font without a map from glyphs to characters gives text in which every letter stands for another one. PDFium
reports characters that it could not map, but guesses those of some fonts, so the frequency of the letters
counts, too.
"""

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

# The nine most frequent letters of English, German, French, Spanish, Italian, Dutch and Portuguese make up
# 65 to 75 % of a text. Under another alphabet each letter set of nine has about 9/26, 35 %.
_FREQUENT = frozenset("eaionstrl")
_MIN_SHARE = 0.5
_MIN_LETTERS = 40  # fewer are not significant
_MIN_WORD = 4  # shorter words are often abbreviations
_MAX_UNMAPPED = 0.3  # of the characters; a few are bullets and ligatures
_SAMPLE = 2_000  # characters of a page
_PRIVATE_USE = range(0xE000, 0xF900)
_MAX_UNKNOWN = 0.3  # of the visible characters; a few are symbols


def is_unmapped(layer: pypdfium2.PdfTextPage) -> bool:
    """Return whether PDFium found no character for many of the glyphs of a page."""
    count = min(layer.count_chars(), _SAMPLE)
    unmapped = sum(pdfium.FPDFText_HasUnicodeMapError(layer, index) == 1 for index in range(count))
    return bool(unmapped > _MAX_UNMAPPED * count)


def is_garbled(text: str) -> bool:
    """Return whether a text in Latin letters is most likely not in any Western European language."""
    visible = [c for c in text if not c.isspace()]
    unknown = sum(c == "\ufffd" or ord(c) in _PRIVATE_USE or not c.isprintable() for c in visible)
    if visible and unknown > _MAX_UNKNOWN * len(visible):
        return True
    words = (word for word in text.lower().split() if len(word) >= _MIN_WORD)
    letters = [c for word in words for c in word if c.isalpha()]
    latin = sum("a" <= c <= "z" for c in letters)
    if latin < _MIN_LETTERS or latin < 0.9 * len(letters):
        return False
    return sum(c in _FREQUENT for c in letters) < _MIN_SHARE * latin
