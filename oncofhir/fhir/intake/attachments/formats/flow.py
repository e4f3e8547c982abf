"""Text of markup as a reader sees it: white space collapsed, blocks on lines, cells between tabs."""

import re

_WHITE_SPACE = re.compile(r"[ \t\r\n\f\xa0]+")
_SOFT_HYPHEN = "\xad"  # invisible within a line


class Flow:
    """Collects text in reading order; `text()` returns it without leading and trailing white space."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._line_has_text = False
        self._space = False
        self._newlines = 2  # at the start: no leading blank lines

    def inline(self, text: str) -> None:
        """Add text within a line; runs of white space become one blank."""
        collapsed = _WHITE_SPACE.sub(" ", text.replace(_SOFT_HYPHEN, ""))
        body = collapsed.strip(" ")
        if not body:
            self._space = self._space or bool(collapsed)
            return
        if self._line_has_text and (self._space or collapsed[0] == " "):
            self._pieces.append(" ")
        self._pieces.append(body)
        self._line_has_text, self._newlines = True, 0
        self._space = collapsed[-1] == " "

    def preformatted(self, text: str) -> None:
        """Add text whose white space is kept."""
        if text:
            self._pieces.append(text)
            self._line_has_text, self._space = not text.endswith("\n"), False
            self._newlines = 1 if text.endswith("\n") else 0

    def line(self, *, blank: bool = False) -> None:
        """Begin a new line, after an empty one with `blank`."""
        self._break(2 if blank else 1)

    def line_break(self) -> None:
        """Add a line break, but never more than one empty line."""
        self._break(min(self._newlines + 1, 2))

    def cell(self) -> None:
        """Begin another cell of the same row."""
        if self._line_has_text:
            self._pieces.append("\t")
            self._space, self._line_has_text = False, False

    def _break(self, newlines: int) -> None:
        if newlines > self._newlines:
            self._pieces.append("\n" * (newlines - self._newlines))
            self._newlines = newlines
        self._line_has_text, self._space = False, False

    def text(self) -> str:
        return "".join(self._pieces).strip()
