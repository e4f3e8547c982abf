"""The twelve documents that cost a parser the most memory or time; all are invented, and small to send."""

import base64
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable

MEBIBYTE = 2**20
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def _pdf(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(out) + trailer % (len(objects) + 1, table)


def _stream(content: bytes, times: int, extra: bytes = b"") -> bytes:
    """A stream that is deflated several times over: a thousandth of its size each time."""
    for _ in range(times):
        content = zlib.compress(content, 9)
    filters = b" ".join([b"/FlateDecode"] * times)
    head = b"<< /Length %d /Filter [%s] %s >>" % (len(content), filters, extra)
    return head + b"\nstream\n" + content + b"\nendstream"


def _one_page(contents: bytes, catalog: bytes = b"", more: tuple[bytes, ...] = ()) -> bytes:
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>"
    )
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    root = b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog
    return _pdf([root, pages, page, contents, _FONT, *more])


def pdf_of_nested_streams() -> bytes:
    """A few kilobytes that unpack to two gigabytes of page content."""
    blank = zlib.compressobj(9)
    packed = b"".join(blank.compress(b" " * (64 * MEBIBYTE)) for _ in range(32)) + blank.flush()
    return _one_page(_repacked(packed))


def _repacked(packed: bytes) -> bytes:
    packed = zlib.compress(zlib.compress(packed, 9), 9)
    filters = b"/FlateDecode /FlateDecode /FlateDecode"
    head = b"<< /Length %d /Filter [%s] >>" % (len(packed), filters)
    return head + b"\nstream\n" + packed + b"\nendstream"


def pdf_of_text() -> bytes:
    """A page with two million characters."""
    lines = (
        b"BT /F1 1 Tf %d %d Td (carcinoma of the breast ) Tj ET" % (n % 40 * 15, n // 40 % 800)
        for n in range(90_000)
    )
    return _one_page(_stream(b"\n".join(lines), 1))


def pdf_with_a_large_file() -> bytes:
    """An embedded file that unpacks to half a gigabyte."""
    packed = zlib.compressobj(9)
    content = b"".join(packed.compress(b"a " * (32 * MEBIBYTE)) for _ in range(8)) + packed.flush()
    names = b"/Names << /EmbeddedFiles << /Names [(a.txt) 6 0 R] >> >>"
    file = b"<< /Type /Filespec /F (a.txt) /EF << /F 7 0 R >> >>"
    head = b"<< /Type /EmbeddedFile /Length %d /Filter /FlateDecode >>" % len(content)
    stream = head + b"\nstream\n" + content + b"\nendstream"
    text = b"BT /F1 12 Tf 40 700 Td (cover) Tj ET"
    return _one_page(_stream(text, 1), names, (file, stream))


def pdf_of_pages() -> bytes:
    """A thousand pages that share one content."""
    count = 1_000
    kids = b" ".join(b"%d 0 R" % (5 + n) for n in range(count))
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R"
        b" /Resources << /Font << /F1 3 0 R >> >> >>"
    )
    text = b"BT /F1 12 Tf 40 700 Td (carcinoma of the breast) Tj ET\n" * 80
    pages = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, count)
    return _pdf(
        [b"<< /Type /Catalog /Pages 2 0 R >>", pages, _FONT, _stream(text, 1), *[page] * count]
    )


def html_of_elements() -> bytes:
    """As many elements as fit into an attachment."""
    return b"<html><body>" + b"<b>a</b>" * (19 * MEBIBYTE // 8) + b"</body></html>"


def html_of_attributes() -> bytes:
    """Gzip that unpacks to as much as an attachment may."""
    return gzip.compress(b"<p class='a' id='b' title='c'>d" * (19 * MEBIBYTE // 31))


def xml_of_elements() -> bytes:
    """The same as XML."""
    return b"<r>" + b"<a>x</a>" * (19 * MEBIBYTE // 8) + b"</r>"


def docx_of_paragraphs() -> bytes:
    """A document of a few kilobytes that unpacks to as much as an attachment may."""
    paragraph = "<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>a</w:t></w:r></w:p>"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        body = paragraph * (19 * MEBIBYTE // len(paragraph))
        archive.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>',
        )
    return packed.getvalue()


def rtf_of_words() -> bytes:
    """Control words and braces, the most of both."""
    return b"{\\rtf1 " + rb"{\b a\u8805?}" * (19 * MEBIBYTE // 13) + b"}"


def cda_of_base64() -> bytes:
    """A document within a document within a document."""
    inner = b"<html><body>" + b"<i>a</i>" * (10 * MEBIBYTE // 8) + b"</body></html>"
    body = base64.b64encode(inner)
    return (
        b'<ClinicalDocument xmlns="urn:hl7-org:v3"><component><nonXMLBody><text representation="B64"'
        b' mediaType="text/html">' + body + b"</text></nonXMLBody></component></ClinicalDocument>"
    )


def text_in_utf16() -> bytes:
    """Ten million characters."""
    return ("carcinoma of the breast " * 400_000).encode("utf-16")


def text_in_no_charset() -> bytes:
    """Bytes that no charset explains."""
    return bytes(range(128, 256)) * (19 * MEBIBYTE // 128)


DOCUMENTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "pdf-nested-streams": (pdf_of_nested_streams, "application/pdf"),
    "pdf-text": (pdf_of_text, "application/pdf"),
    "pdf-embedded-file": (pdf_with_a_large_file, "application/pdf"),
    "pdf-pages": (pdf_of_pages, "application/pdf"),
    "html-elements": (html_of_elements, "text/html"),
    "html-gzip": (html_of_attributes, "text/html"),
    "xml-elements": (xml_of_elements, "application/xml"),
    "docx-paragraphs": (
        docx_of_paragraphs,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "rtf-words": (rtf_of_words, "application/rtf"),
    "cda-base64": (cda_of_base64, "application/hl7-cda+xml"),
    "text-utf16": (text_in_utf16, "text/plain"),
    "text-no-charset": (text_in_no_charset, "text/plain"),
}
"""By name: what makes the document, and its content type."""
