r"""Resolves the escape sequences of HL7 v2 in text that came out of a message as it was.

Source: HL7 v2.5.1, chapter 2, 2.7 (use of escape sequences in text fields) and 2.7.6 (formatted text).
"""

import re

# Formatting commands: unlike `\E\` or `\T\`, nothing else looks like them, so they show what the text is.
_COMMAND = re.compile(r"\\\.(?:br|sp\d*|fi|nf|in[+-]?\d*|ti[+-]?\d*|sk\d*|ce)\\", re.IGNORECASE)
_SEQUENCE = re.compile(
    r"\\(?:(?P<command>\.[A-Za-z]{2}[+-]?\d{0,3})|(?P<delimiter>[FSTRE])|(?P<mark>[HN])"
    r"|X(?P<hex>(?:[0-9A-Fa-f]{2}){1,8}))\\"
)
_DELIMITERS = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\"}
_LINES = (".br", ".sp", ".ce", ".in", ".ti")
_MOST_LINES = 5  # of one `.sp`


def has_escapes(text: str) -> bool:
    r"""Return whether a text has formatting commands such as `\.br\`."""
    return _COMMAND.search(text) is not None


def resolve_escapes(text: str) -> str:
    """Return the text with line breaks and characters in place of escape sequences.

    Unknown sequences stay as they are.
    """
    return _SEQUENCE.sub(_resolved, text)


def _resolved(match: re.Match[str]) -> str:
    if match["delimiter"]:
        return _DELIMITERS[match["delimiter"]]
    if match["mark"]:
        return ""
    if match["hex"]:
        raw = bytes.fromhex(match["hex"])
        return raw.decode("ascii") if raw.isascii() and raw.strip(b"\r\n\t ") == raw else "\n"
    return _formatted(match["command"].lower(), match[0])


def _formatted(command: str, unknown: str) -> str:
    """Return the text of a formatting command."""
    name, number = command[:3], command[3:]
    count = int(number) if number.isdigit() else 1
    if name == ".sk":
        return " " * min(count, 80)
    if name == ".sp":
        return "\n" * max(1, min(count, _MOST_LINES))
    if name in _LINES:
        return "\n"
    return "" if name in {".fi", ".nf"} else unknown
