"""Which page headers and footers of a DOCX document are shown.

Source: ECMA-376-1, 17.10 (headers and footers): `headerReference`, `footerReference`, `titlePg`,
`evenAndOddHeaders`.
"""

from lxml import etree

_DEFAULT = "default"


class MarginParts:
    """The relationship ids of the headers and footers that pages show, in document order.

    A header for the first page counts only in a section with a title page, one for even pages only if the
    document distinguishes even pages from odd ones.
    """

    def __init__(self, root: etree._Element, settings: etree._Element | None) -> None:
        self._has_even = settings is not None and _is_on(settings, "evenAndOddHeaders")
        self.headers: list[str] = []
        self.footers: list[str] = []
        for section in root.iter("{*}sectPr"):
            self._add(section)

    def _add(self, section: etree._Element) -> None:
        shown = {_DEFAULT}
        if _is_on(section, "titlePg"):
            shown.add("first")
        if self._has_even:
            shown.add("even")
        for name, ids in (("headerReference", self.headers), ("footerReference", self.footers)):
            for element in section.iterchildren(f"{{*}}{name}"):
                ident = _attribute(element, "id")
                if ident is not None and (_attribute(element, "type") or _DEFAULT) in shown:
                    ids.append(ident)


def _is_on(parent: etree._Element, name: str) -> bool:
    """Return whether a child that switches something on is there, and not set to off."""
    found = parent.find(f"{{*}}{name}")
    return found is not None and _attribute(found, "val") not in ("0", "false", "off")


def _attribute(element: etree._Element, name: str) -> str | None:
    return next(
        (str(v) for k, v in element.attrib.items() if str(k).rpartition("}")[2] == name), None
    )
