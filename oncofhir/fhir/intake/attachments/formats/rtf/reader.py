r"""Reads one RTF document in a single pass; time and memory are linear in its size.

Source: Rich Text Format (RTF) Specification, version 1.9.1: control words, destinations, `\uN` and `\ucN`,
character sets of fonts, revision marks.
"""

import codecs
import re
from dataclasses import replace

from oncofhir.fhir.intake.attachments.formats.rtf.state import Font, State
from oncofhir.fhir.intake.attachments.formats.rtf.words import (
    CODE_PAGES,
    FOOTERS,
    HEADERS,
    MARGINS,
    NOTES,
    ROWS,
    SKIPPED,
    SWITCHES,
    SYMBOLS,
    UNSEEN,
    VISIBLE,
    WORDS,
)
from oncofhir.fhir.intake.attachments.formats.symbol_fonts import is_symbol_font, symbol

_TOKEN = re.compile(
    r"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?"
    r"|\\'(?P<hex>[0-9a-fA-F]{2})"
    r"|\\(?P<symbol>[^a-zA-Z])"
    r"|(?P<brace>[{}])"
    r"|(?P<text>[^\\{}\r\n]+)"
    r"|[\r\n\\]",
    re.DOTALL,
)
# What is behind the outermost group is another document or plain text unless it has control words.
_CONTROL = re.compile(r"\\[a-zA-Z']")
_NEXT_DOCUMENT = re.compile(r"\{\s*\\rtf")


class RtfReader:
    """Reads the first document of `source`; `end` is the offset behind it, in bytes."""

    def __init__(self, source: bytes) -> None:
        self._source = source.decode("latin-1")  # one character per byte: offsets are bytes
        self._is_utf8 = _is_utf8(source)
        self._code_page = "cp1252"
        self._fonts: dict[int, Font] = {}
        self._default_font: int | None = None
        self._state = State()
        self._stack: list[State] = []
        self._body: list[str] = []
        self._notes: list[str] = []
        self._margins: list[tuple[str, list[str]]] = []
        self._switches: set[str] = set()
        self._raw = bytearray()  # of `\\'xx`, until all bytes of a character are there
        self._to_skip = 0  # characters that replace a `\\uN` in old readers
        self._starred = False
        self._found: dict[re.Pattern[str], int] = {}
        self.end = len(source)

    def read(self) -> str:
        """Return the page headers, the text, the notes and the page footers; equal ones once.

        Raises:
            UnicodeError, LookupError: the bytes are not text in the code page that the document declares.
        """
        position, source = 0, self._source
        while position < len(source):
            match = _TOKEN.match(source, position)
            if match is None:  # pragma: no cover - the pattern matches any character
                break
            position = match.end()
            if match["text"]:
                self._text(match["text"])
            elif match["hex"]:
                self._hex(int(match["hex"], 16))
            else:
                self._flush()
                if match["word"]:
                    position = self._word(match["word"], match["number"], position)
                elif match["symbol"]:
                    self._symbol(match["symbol"])
                elif match["brace"] == "{":
                    self._open()
                elif match["brace"] and self._close(position):
                    break
        self._flush()
        body, notes = "".join(self._body).strip("\n"), "".join(self._notes).strip("\n")
        parts = [*self._shown(HEADERS), body, notes, *self._shown(FOOTERS)]
        return "\n\n".join(part for part in parts if part.strip())

    def _shown(self, words: frozenset[str]) -> list[str]:
        """Return the page headers or footers that some page shows, each text once."""
        texts = []
        for word, pieces in self._margins:
            needed = {"f": "titlepg", "l": "facingp"}.get(word[6:])
            if word in words and (needed is None or needed in self._switches):
                texts.append("".join(pieces).strip())
        return list(dict.fromkeys(texts))

    def _open(self) -> None:
        self._to_skip, self._starred = 0, False
        self._stack.append(self._state)

    def _close(self, position: int) -> bool:
        """Close a group; return whether it was the document."""
        self._to_skip, self._starred = 0, False
        if len(self._stack) > 1:
            if self._state.is_note and not self._stack[-1].is_note:
                self._notes.append("\n")
            self._state = self._stack.pop()
            return False
        if self._next(_CONTROL, position) < self._next(_NEXT_DOCUMENT, position):
            # A brace that should have been escaped: the document continues after it.
            self._emit("}")
            return False
        self.end = position
        return True

    def _next(self, pattern: re.Pattern[str], position: int) -> int:
        """Return where a pattern is found next; searched again only behind the last place."""
        found = self._found.get(pattern, -1)
        if found < position:
            match = pattern.search(self._source, position)
            found = len(self._source) if match is None else match.start()
            self._found[pattern] = found
        return found

    def _word(self, word: str, number: str | None, position: int) -> int:
        """Apply a control word; return where the next token begins."""
        starred, self._starred = self._starred, False
        if self._to_skip:
            self._to_skip -= 1
            return position
        self._switches.update({word} & SWITCHES)
        value = int(number) if number else None
        if word == "bin":
            return position + max(0, value or 0)
        if word in VISIBLE or word in NOTES or word in MARGINS:
            self._destination(word)
        elif starred or word in SKIPPED:
            self._state = replace(self._state, skipped=True)
        elif word == "fonttbl":
            self._state = replace(self._state, in_fonts=True)
        elif word in UNSEEN:
            on = value != 0
            unseen = self._state.unseen | {word} if on else self._state.unseen - {word}
            self._state = replace(self._state, unseen=unseen)
        elif word == "plain":
            self._state = replace(self._state, unseen=frozenset(), font=self._default_font)
        elif word in WORDS:
            self._end_cell(word)
            self._emit(WORDS[word])
        elif value is not None:
            self._number(word, value)
        return position

    def _destination(self, word: str) -> None:
        """Begin a destination that holds visible text: a box, a note, a page header or footer."""
        if word in MARGINS:
            self._margins.append((word, []))
            self._state = replace(self._state, margin=word)
            return
        is_note = word in NOTES or self._state.is_note
        skipped = self._in_skipped() and word != "ud"
        self._state = replace(self._state, skipped=skipped, is_note=is_note)

    def _end_cell(self, word: str) -> None:
        """Drop the tab behind the last cell of a row."""
        if word in ROWS and self._body[-1:] == ["\t"]:
            self._body.pop()

    def _in_skipped(self) -> bool:
        """Return whether the enclosing group is left out; shapes are in groups that old readers skip."""
        return bool(self._stack) and self._stack[-1].skipped

    def _number(self, word: str, value: int) -> None:
        state = self._state
        match word:
            case "u":
                self._emit(chr(value & 0xFFFF))
                self._to_skip = state.fallback
            case "uc":
                self._state = replace(state, fallback=min(max(value, 0), 16))
            case "f":
                self._state = replace(state, font=value)
                if state.in_fonts:
                    self._fonts.setdefault(value, Font())
            case "fcharset" if state.in_fonts and state.font in self._fonts:
                self._fonts[state.font].code_page = CODE_PAGES.get(value)
            case "deff":
                self._default_font = value
                self._state = replace(state, font=value)
            case "ansicpg":
                self._code_page = codecs.lookup(f"cp{value}").name

    def _symbol(self, character: str) -> None:
        if character == "*":
            self._starred = True
        elif self._to_skip:
            self._to_skip -= 1
        elif character in SYMBOLS:
            self._emit(SYMBOLS[character])

    def _hex(self, byte: int) -> None:
        if self._to_skip:
            self._to_skip -= 1
        elif self._state.is_visible:
            self._raw.append(byte)

    def _text(self, text: str) -> None:
        if self._to_skip:
            skipped = min(self._to_skip, len(text))
            self._to_skip -= skipped
            text = text[skipped:]
        if self._raw and text:  # the second byte of a character may be written as it is
            text = self._flush(text)
        self._starred = False
        if self._state.in_fonts:
            self._font_name(text)
        elif text and self._state.is_visible:
            self._emit(self._decoded(text))

    def _font_name(self, text: str) -> None:
        font = self._state.font
        if not self._state.skipped and font in self._fonts:
            self._fonts[font].name.append(text.rstrip(";"))

    def _decoded(self, text: str) -> str:
        """Return text written as bytes: ASCII by rule, else in UTF-8 or the code page of the document."""
        font = self._font()
        if is_symbol_font(font):
            return "".join(c if c.isspace() else symbol(font, ord(c)) for c in text)
        if text.isascii():
            return text
        raw = text.encode("latin-1")
        return raw.decode("utf-8" if self._is_utf8 else self._encoding(), "replace")

    def _font(self) -> str:
        font = self._fonts.get(self._state.font) if self._state.font is not None else None
        return "".join(font.name) if font is not None else ""

    def _encoding(self) -> str:
        font = self._fonts.get(self._state.font) if self._state.font is not None else None
        return (font.code_page if font is not None else None) or self._code_page

    def _flush(self, following: str = "") -> str:
        """Emit the bytes collected so far; return what of the text behind them they did not use."""
        raw = bytes(self._raw)
        self._raw.clear()
        if not raw:
            return following
        font = self._font()
        if is_symbol_font(font):
            self._emit("".join(symbol(font, byte) for byte in raw))
            return following
        encoding = self._encoding()
        try:
            self._emit(raw.decode(encoding))
        except UnicodeDecodeError:
            if not following:
                raise
            self._emit((raw + following[0].encode("latin-1")).decode(encoding))
            return following[1:]
        return following

    def _emit(self, text: str) -> None:
        if not self._state.is_visible:
            return
        if self._state.margin:
            self._margins[-1][1].append(text)
        else:
            (self._notes if self._state.is_note else self._body).append(text)


def _is_utf8(source: bytes) -> bool:
    try:
        source.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
