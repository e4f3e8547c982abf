"""Characters of the Symbol and Wingdings fonts, as they look; the codes alone would read as letters.

Sources: Adobe's Symbol encoding (unicode.org/Public/MAPPINGS/VENDORS/ADOBE/symbol.txt); Wingdings, code
chart of Unicode document L2/12-130. Boxes are unified to U+2612 and U+2610, as in PDF forms.
"""

CHECKED, UNCHECKED = "\u2612", "\u2610"

_SYMBOL = {
    0x61: "\u03b1",
    0x62: "\u03b2",
    0x67: "\u03b3",
    0x64: "\u03b4",
    0x6B: "\u03ba",
    0x6C: "\u03bb",
    0x6D: "\u03bc",
    0xA3: "\u2264",
    0xAE: "\u2192",
    0xB0: "\u00b0",
    0xB1: "\u00b1",
    0xB3: "\u2265",
    0xB4: "\u00d7",
    0xB7: "\u2022",
    0xB9: "\u2260",
    0xBB: "\u2248",
    0xD7: "\u00b7",
}
_WINGDINGS = {
    0x6F: UNCHECKED,
    0x71: UNCHECKED,
    0x72: UNCHECKED,
    0x78: CHECKED,
    0xA8: UNCHECKED,
    0xFC: "\u2713",
    0xFD: CHECKED,
    0xFE: CHECKED,
}
_FONTS = {"symbol": _SYMBOL, "wingdings": _WINGDINGS}
_REPLACEMENT = "\ufffd"


def is_symbol_font(name: str) -> bool:
    """Return whether a font's codes are symbols and not letters."""
    return name.strip().lower() in _FONTS


def symbol(font: str, code: int) -> str:
    """Return the character that `code` shows in a symbol font; U+FFFD for one that is not listed.

    Word writes the codes in the private use area, from U+F000.
    """
    code &= 0xFF
    listed = _FONTS[font.strip().lower()].get(code)
    if listed is not None:
        return listed
    # Digits and punctuation of the Symbol font look as in ASCII.
    is_plain = 0x20 <= code < 0x40  # noqa: PLR2004
    return chr(code) if is_plain and font.strip().lower() == "symbol" else _REPLACEMENT
