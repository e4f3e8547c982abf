"""Which runs of a DOCX a reader sees: direct properties, and those of styles.

Source: ECMA-376-1, 17.3.2 (run properties) and 17.7.3 (toggle properties).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

# Text that is hidden, or that its author took back.
_UNSEEN = ("vanish", "strike", "dstrike")
_OFF = frozenset({"0", "false", "off"})
_LONGEST_CHAIN = 20  # styles that are based on one another

Toggles = dict[str, bool]


@dataclass(frozen=True)
class Styles:
    """The toggles of each style, by its id, and of the document's defaults."""

    by_id: Mapping[str, Toggles] = field(default_factory=dict)
    default_paragraph: Toggles = field(default_factory=dict)
    defaults: Toggles = field(default_factory=dict)

    def is_unseen(
        self, direct: etree._Element | None, paragraph_style: str | None, space: str
    ) -> bool:
        """Return whether a run is hidden or struck out. `direct` is its `w:rPr`.

        A direct property counts alone; those of the paragraph's and the run's style cancel each other.
        """
        own = toggles_of(direct, space)
        run_style = _value(direct, "rStyle", space) if direct is not None else None
        by_run = self.by_id.get(run_style or "", {})
        by_paragraph = self.by_id.get(paragraph_style or "", self.default_paragraph)
        for name in _UNSEEN:
            styled = by_run.get(name, False) != by_paragraph.get(name, False)
            if own.get(name, styled or self.defaults.get(name, False)):
                return True
        return False


def toggles_of(properties: etree._Element | None, space: str) -> Toggles:
    """Return the toggles that a `w:rPr` states."""
    found: Toggles = {}
    if properties is not None:
        for name in _UNSEEN:
            element = properties.find(f"{{{space}}}{name}")
            if element is not None:
                found[name] = (element.get(f"{{{space}}}val") or "1").lower() not in _OFF
    return found


def read_styles(root: etree._Element | None) -> Styles:
    """Read `word/styles.xml`; without it there are no styles."""
    if root is None:
        return Styles()
    space = str(etree.QName(root).namespace)
    w = f"{{{space}}}"
    stated: dict[str, tuple[Toggles, str | None]] = {}
    default: str | None = None
    for style in root.iterfind(f"{w}style"):
        ident = style.get(f"{w}styleId")
        if ident is None:
            continue
        stated[ident] = toggles_of(style.find(f"{w}rPr"), space), _value(style, "basedOn", space)
        is_default = (style.get(f"{w}default") or "0").lower() not in _OFF
        if is_default and style.get(f"{w}type") == "paragraph":
            default = ident
    by_id = {ident: _inherited(ident, stated) for ident in stated}
    return Styles(
        by_id=by_id,
        default_paragraph=by_id.get(default or "", {}),
        defaults=toggles_of(root.find(f"{w}docDefaults/{w}rPrDefault/{w}rPr"), space),
    )


def _inherited(ident: str, stated: Mapping[str, tuple[Toggles, str | None]]) -> Toggles:
    found: Toggles = {}
    following: str | None = ident
    for _ in range(_LONGEST_CHAIN):
        if following is None or following not in stated:
            break
        own, following = stated[following]
        found = {**own, **found}
    return found


def _value(element: etree._Element, name: str, space: str) -> str | None:
    child = element.find(f"{{{space}}}{name}")
    return None if child is None else child.get(f"{{{space}}}val")
