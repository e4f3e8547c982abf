"""The same report in several formats, with text that its author took back or hid; built by hand."""

import base64
import html
import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_COMPATIBILITY = "http://schemas.openxmlformats.org/markup-compatibility/2006"
_RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@dataclass(frozen=True)
class Run:
    """A stretch of a line; `unseen` says how a format shows that it is no longer, or never was, said."""

    text: str
    unseen: int | None = None


Lines = Iterable[Iterable[Run]]


def plain(lines: Lines) -> bytes:
    return "\n".join("".join(r.text for r in line if r.unseen is None) for line in lines).encode()


_RTF = (
    "{\\deleted\\revauthdel1 %s}",
    "{\\strike %s}",
    "\\striked1 %s\\striked0 ",
    "{\\v %s}",
    "{\\mvf\\mvauth1 %s}",
    "\\v %s\\plain ",
)


def rtf(lines: Lines) -> bytes:
    def escaped(text: str) -> str:
        text = text.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}")
        return "".join(c if ord(c) < 128 else f"\\u{ord(c)}?" for c in text)

    def of(run: Run) -> str:
        text = escaped(run.text)
        return text if run.unseen is None else _RTF[run.unseen % len(_RTF)] % text

    body = "\\par\n".join("".join(map(of, line)) for line in lines)
    return (
        "{\\rtf1\\ansi\\uc1{\\fonttbl{\\f0\\fnil Arial;}}{\\info{\\author Nobody}}\\f0 "
        + body
        + "}"
    ).encode()


_DOCX = (
    "<w:r><w:rPr><w:vanish/></w:rPr>%s</w:r>",
    "<w:r><w:rPr><w:strike/></w:rPr>%s</w:r>",
    '<w:r><w:rPr><w:dstrike w:val="true"/></w:rPr>%s</w:r>',
    '<w:moveFrom w:id="1" w:author="x"><w:r>%s</w:r></w:moveFrom>',
    '<w:del w:id="2"><w:r>%s</w:r></w:del>',
    '<w:r><w:rPr><w:rStyle w:val="Gone"/></w:rPr>%s</w:r>',
)
_STYLES = (
    f'<w:styles xmlns:w="{WORD}"><w:style w:type="character" w:styleId="Base"><w:rPr><w:strike/></w:rPr></w:style>'
    '<w:style w:type="character" w:styleId="Gone"><w:basedOn w:val="Base"/></w:style></w:styles>'
)


def paragraph(*runs: Run) -> str:
    def of(run: Run) -> str:
        text = f'<w:t xml:space="preserve">{html.escape(run.text)}</w:t>'
        return f"<w:r>{text}</w:r>" if run.unseen is None else _DOCX[run.unseen % len(_DOCX)] % text

    return f"<w:p>{''.join(map(of, runs))}</w:p>"


def docx(body: str, parts: dict[str, tuple[str, str | bytes]] | None = None) -> bytes:
    """A DOCX of this body; `parts` are name (relationship type, content)."""
    parts = {"styles.xml": ("styles", _STYLES), **(parts or {})}
    related = "".join(
        f'<Relationship Id="r{n}" Type="{_OFFICE}/{kind}" Target="{name}"/>'
        for n, (name, (kind, _)) in enumerate(parts.items())
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{WORD}" xmlns:r="{_OFFICE}" xmlns:mc="{_COMPATIBILITY}">'
            f"<w:body>{body}</w:body></w:document>",
        )
        archive.writestr(
            "word/_rels/document.xml.rels",
            f'<Relationships xmlns="{_RELATIONSHIPS}">{related}</Relationships>',
        )
        for name, (_, content) in parts.items():
            archive.writestr(f"word/{name}", content)
    return packed.getvalue()


def docx_report(lines: Lines) -> bytes:
    return docx("".join(paragraph(*line) for line in lines))


_HTML = (
    "<del>%s</del>",
    "<s>%s</s>",
    '<span style="display:none">%s</span>',
    '<span style="text-decoration: line-through">%s</span>',
    '<span class="gone">%s</span>',
    "<span hidden>%s</span>",
)


def page(lines: Lines) -> bytes:
    def of(run: Run) -> str:
        text = html.escape(run.text)
        return text if run.unseen is None else _HTML[run.unseen % len(_HTML)] % text

    body = "".join(f"<div>{''.join(map(of, line))}</div>" for line in lines)
    style = "<style>.gone { visibility: hidden }</style>"
    return f"<!DOCTYPE html><html><head>{style}</head><body>{body}</body></html>".encode()


_CDA = (
    '<content revised="delete">%s</content>',
    '<content styleCode="xStrikethrough">%s</content>',
    '<content styleCode="Bold hidden">%s</content>',
)


def cda(lines: Lines) -> bytes:
    def of(run: Run) -> str:
        text = html.escape(run.text)
        return text if run.unseen is None else _CDA[run.unseen % len(_CDA)] % text

    items = "".join(f"<item>{''.join(map(of, line))}</item>" for line in lines)
    return (
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><component><structuredBody><component><section><text><list>'
        f"{items}</list></text></section></component></structuredBody></component></ClinicalDocument>"
    ).encode()


FORMATS = {
    "plain": ("text/plain; charset=utf-8", plain),
    "RTF": ("application/rtf", rtf),
    "DOCX": (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        docx_report,
    ),
    "HTML": ("text/html; charset=utf-8", page),
    "CDA": ("application/hl7-cda+xml", cda),
}


def report_in(name: str, lines: Lines, ident: str = "r1") -> dict[str, object]:
    """A DiagnosticReport whose only attachment is these lines in a format of `FORMATS`."""
    content_type, write = FORMATS[name]
    data = base64.b64encode(write(lines)).decode()
    return {
        "resourceType": "DiagnosticReport",
        "id": ident,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "11526-1"}]},
        "subject": {"reference": "Patient/p1"},
        "presentedForm": [{"contentType": content_type, "data": data}],
    }
