"""Which elements of an HTML page a reader does not see, or sees struck out: by attributes and style rules.

Source: HTML Living Standard, 15.3 (rendering, hidden elements); CSS 2.2 `display` and `visibility`;
`mso-hide` is how Word writes hidden text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

_UNSEEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|text-decoration[^;]*line-through|mso-hide\s*:\s*all"
    r"|opacity\s*:\s*0(?:\.0*)?\s*(?:;|!|$)|font-size\s*:\s*0(?:\.0*)?(?:px|pt|em|rem|%)?\s*(?:;|!|$)"
)
_COMMENT = re.compile(r"/\*.*?\*/|<!--|-->", re.DOTALL)
_RULE = re.compile(r"([^{}]{1,2000})\{([^{}]{0,5000})\}")
_SELECTOR = re.compile(
    r"(?P<tag>[a-z][a-z0-9]*|\*)?(?P<mark>[.#])?(?P<name>[\w-]+)?", re.IGNORECASE
)
# Rules for paper or small screens do not apply to what a reader sees on a screen.
_AT_RULE = re.compile(
    r"@(?:media|supports|font-face|page|import|charset)[^{;]*(?:;|\{)", re.IGNORECASE
)
_MAX_STYLE = 200_000  # characters of one style sheet that are looked at


@dataclass
class UnseenElements:
    """Rules of the page's own style sheets that hide elements or strike them out.

    Selectors of one element are applied (`p`, `.gone`, `#gone`, `p.gone`); others are not.
    """

    tags: set[str] = field(default_factory=set)
    names: set[tuple[str, str, str]] = field(default_factory=set)
    """Tag (or `*`), `.` or `#`, and the class or id."""

    def covers(self, element: etree._Element) -> bool:
        """Return whether an element is unseen, with all that it holds."""
        tag = str(element.tag)
        if tag in self.tags:
            return True
        if not element.attrib:
            return False
        if element.get("hidden") is not None:
            return True
        style = element.get("style")
        if style is not None and is_unseen_style(style):
            return True
        if not self.names:
            return False
        return any(
            (named, mark, name) in self.names
            for mark, name in _marks(element)
            for named in (tag, "*")
        )


def is_unseen_style(declarations: str) -> bool:
    """Return whether style declarations hide an element or strike it out."""
    return _UNSEEN.search(declarations.lower()) is not None


def read_style_sheets(root: etree._Element) -> UnseenElements:
    """Collect the rules of all `style` elements."""
    found = UnseenElements()
    for sheet in root.iter("style"):
        if (sheet.get("media") or "all").strip().lower() not in {"all", "screen"}:
            continue
        for selectors, declarations in _rules((sheet.text or "")[:_MAX_STYLE]):
            if is_unseen_style(declarations):
                for selector in selectors.split(","):
                    _add(found, selector.strip().lower())
    return found


def _rules(sheet: str) -> Iterator[tuple[str, str]]:
    sheet = _COMMENT.sub(" ", sheet)
    position = 0
    while (at_rule := _AT_RULE.search(sheet, position)) is not None:
        yield from _RULE.findall(sheet[position : at_rule.start()])
        position = at_rule.end()
        if at_rule.group().endswith("{"):
            position = _block_end(sheet, position)
    yield from _RULE.findall(sheet[position:])


def _block_end(sheet: str, position: int) -> int:
    depth = 1
    for brace in re.finditer(r"[{}]", sheet[position:]):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return position + brace.end()
    return len(sheet)


def _add(found: UnseenElements, selector: str) -> None:
    match = _SELECTOR.fullmatch(selector)
    if match is None:
        return
    tag, mark, name = match["tag"], match["mark"], match["name"]
    if mark and name:
        found.names.add((tag or "*", mark, name))
    elif tag and not mark and not name and tag not in {"*", "html", "body"}:
        found.tags.add(tag)


def _marks(element: etree._Element) -> Iterator[tuple[str, str]]:
    for name in (element.get("class") or "").lower().split():
        yield ".", name
    ident = element.get("id")
    if ident is not None:
        yield "#", ident.lower()
