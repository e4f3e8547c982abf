"""DOCX (ECMA-376 WordprocessingML): the visible text of the document and of what belongs to it."""

import posixpath
from collections.abc import Iterable, Iterator

from lxml import etree

from oncofhir.fhir.intake.attachments.formats.body import ReadBody
from oncofhir.fhir.intake.attachments.formats.docx.margins import MarginParts
from oncofhir.fhir.intake.attachments.formats.docx.package import Package
from oncofhir.fhir.intake.attachments.formats.docx.styles import Styles, read_styles
from oncofhir.fhir.intake.attachments.formats.symbol_fonts import is_symbol_font, symbol
from oncofhir.fhir.intake.attachments.formats.xml import parse_xml
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_WORD = frozenset(
    {
        "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "http://purl.oclc.org/ooxml/wordprocessingml/main",
    }
)
_COMPATIBILITY = "http://schemas.openxmlformats.org/markup-compatibility/2006"
_RELATIONSHIP = "http://schemas.openxmlformats.org/package/2006/relationships"
_AS_TEXT = {
    "p": "\n",
    "br": "\n",
    "cr": "\n",
    "tr": "\n",
    "tab": "\t",
    "ptab": "\t",
    "noBreakHyphen": "-",
}
# Tracked changes that take text back (17.13.5).
_TAKEN_BACK = frozenset({"del", "moveFrom"})
_NOTES = ("footnotes", "endnotes", "comments")
_NOTE_ELEMENTS = frozenset({"footnote", "endnote", "comment"})
_SEPARATORS = frozenset({"separator", "continuationSeparator", "continuationNotice"})
_PACKAGE = ""
_DOCUMENT = "word/document.xml"


def docx_text(data: bytes, max_bytes: int, path: str, read_body: ReadBody) -> str:
    """Return the text, one paragraph per line, table cells divided by tabs; then footnotes and comments.

    Page headers come first and page footers last, once each: they repeat on paper, not in what they say.
    Text that is hidden, struck out, deleted or moved away is left out. Documents that are embedded as
    alternative format chunks (`w:altChunk`) are read in their place.

    Raises:
        UnreadableReport: unreadable-document, attachment-too-large (unpacked), and what reading an
            embedded document raises.
    """
    with Package(data, max_bytes, path) as package:
        return _Document(package, path, read_body).text()


class _Document:
    """The parts of one document."""

    def __init__(self, package: Package, path: str, read_body: ReadBody) -> None:
        self._package = package
        self._path = path
        self._read_body = read_body
        targets = self._targets(_PACKAGE)
        self._main = next(
            (part for kind, part in targets.values() if kind == "officeDocument"), _DOCUMENT
        )
        self._related = self._targets(self._main)
        self._styles = self._read_styles()

    def text(self) -> str:
        root = parse_xml(self._package.read(self._main), self._path)
        margins = MarginParts(root, self._settings())
        texts = [*self._margins(margins.headers), self._of(root)]
        for name in _NOTES:
            part = self._part(name)
            if part is not None:
                texts += [
                    self._of(note)
                    for note in parse_xml(part, self._path)
                    if etree.QName(note).localname in _NOTE_ELEMENTS
                    and _attribute(note, "type") not in _SEPARATORS
                ]
        texts += self._margins(margins.footers)
        return "\n".join(filter(None, (text.strip() for text in texts)))

    def _margins(self, ids: Iterable[str]) -> list[str]:
        """Return the texts of page headers or footers by their relationship, equal ones once."""
        parts = dict.fromkeys(self._related[each][1] for each in ids if each in self._related)
        contents = (self._package.read_if_present(part) for part in parts)
        texts = (self._of(parse_xml(c, self._path)).strip() for c in contents if c is not None)
        return list(dict.fromkeys(texts))

    def _settings(self) -> etree._Element | None:
        part = self._part("settings")
        return None if part is None else parse_xml(part, self._path)

    def _part(self, kind: str) -> bytes | None:
        named = next((part for k, part in self._related.values() if k == kind), None)
        return None if named is None else self._package.read_if_present(named)

    def _read_styles(self) -> Styles:
        part = self._part("styles")
        return read_styles(None if part is None else parse_xml(part, self._path))

    def _targets(self, part: str) -> dict[str, tuple[str, str]]:
        """Return the relationships of a part by their id: the last word of the type, and the target."""
        folder, name = posixpath.split(part)
        content = self._package.read_if_present(posixpath.join(folder, "_rels", f"{name}.rels"))
        if content is None:
            return {}
        found: dict[str, tuple[str, str]] = {}
        for element in parse_xml(content, self._path).iterfind(f"{{{_RELATIONSHIP}}}Relationship"):
            kind, target = element.get("Type", ""), element.get("Target", "")
            if element.get("TargetMode") != "External":
                at = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
                found[element.get("Id", "")] = kind.rpartition("/")[2], at
        return found

    def _of(self, root: etree._Element) -> str:
        pieces: list[str] = []
        paragraph_style: str | None = None
        skipped: etree._Element | None = None
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            name = etree.QName(element)
            if name.namespace == _COMPATIBILITY:
                # The fallback repeats the choice for older readers.
                if event == "start" and name.localname == "Fallback" and _has_choice(element):
                    walk.skip_subtree()
                continue
            if name.namespace not in _WORD:
                continue
            if event == "start":
                if name.localname == "p":
                    paragraph_style = _style(element)
                if self._is_unseen(element, name.localname, paragraph_style):
                    walk.skip_subtree()
                    skipped = element
            elif element is not skipped:
                self._add(pieces, element, name.localname)
        return "".join(pieces)

    def _is_unseen(self, element: etree._Element, name: str, paragraph_style: str | None) -> bool:
        if name in _TAKEN_BACK:
            return True
        space = str(etree.QName(element).namespace)
        if name == "tr":
            return element.find(f"{{{space}}}trPr/{{{space}}}del") is not None
        if name == "tc":
            return element.find(f"{{{space}}}tcPr/{{{space}}}cellDel") is not None
        if name == "r":
            direct = element.find(f"{{{space}}}rPr")
            return self._styles.is_unseen(direct, paragraph_style, space)
        return False

    def _add(self, pieces: list[str], element: etree._Element, name: str) -> None:
        match name:
            case "t":  # deleted text is in delText
                pieces.append(element.text or "")
            case "tc":
                if pieces and pieces[-1] == "\n":
                    pieces.pop()
                pieces.append("\t")
            case "p" if _is_joined(element):
                pieces.append(" ")
            case "tab" if _is_definition(element):
                pass
            case "sym":
                pieces.append(_symbol(element))
            case "altChunk":
                pieces.append(self._chunk(element))
            case _:
                pieces.append(_AS_TEXT.get(name, ""))

    def _chunk(self, element: etree._Element) -> str:
        """Return the text of another document that is embedded here."""
        ident = next((str(v) for k, v in element.attrib.items() if str(k).endswith("}id")), "")
        _, part = self._related.get(ident, ("", ""))
        content = self._package.read_if_present(part) if part else None
        if content is None:
            raise UnreadableReport(Reason.UNREADABLE_DOCUMENT, self._path, "altChunk is missing")
        return f"{self._read_body(content, self._package.content_type(part))}\n"


def _has_choice(fallback: etree._Element) -> bool:
    choices = fallback.itersiblings(f"{{{_COMPATIBILITY}}}Choice", preceding=True)
    return any(any(True for _ in _texts(choice)) for choice in choices)


def _texts(element: etree._Element) -> Iterator[etree._Element]:
    for space in _WORD:
        yield from element.iter(f"{{{space}}}t")


def _style(paragraph: etree._Element) -> str | None:
    space = etree.QName(paragraph).namespace
    style = paragraph.find(f"{{{space}}}pPr/{{{space}}}pStyle")
    return None if style is None else _attribute(style, "val")


def _is_joined(paragraph: etree._Element) -> bool:
    """Return whether the end of a paragraph was deleted or is hidden: the next one continues it."""
    space = etree.QName(paragraph).namespace
    mark = paragraph.find(f"{{{space}}}pPr/{{{space}}}rPr")
    return mark is not None and any(
        mark.find(f"{{{space}}}{name}") is not None for name in ("del", "specVanish")
    )


def _is_definition(tab: etree._Element) -> bool:
    """Return whether it is a tab stop of the paragraph's properties, and not a tab in its text."""
    parent = tab.getparent()
    return parent is not None and etree.QName(parent).localname == "tabs"


def _symbol(element: etree._Element) -> str:
    font, code = _attribute(element, "font") or "", _attribute(element, "char") or ""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    if is_symbol_font(font):
        return symbol(font, number)
    return chr(number) if number < 0x10000 else ""  # noqa: PLR2004 - w:char has four digits


def _attribute(element: etree._Element, name: str) -> str | None:
    return element.get(f"{{{etree.QName(element).namespace}}}{name}")
