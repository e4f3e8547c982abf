"""PDFs for tests, built by hand: lines of text, images, form fields, annotations, embedded files."""

from dataclasses import dataclass

_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
_IMAGE = b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray"


@dataclass(frozen=True)
class Page:
    """Lines from the top (40 points apart), whether a scan's image covers it, fields and annotations.

    A field is its PDF dictionary without type, page and place; it stands behind the line of its number. An
    annotation is its whole dictionary without type and page.
    """

    lines: tuple[str, ...] = ()
    has_image: bool = False
    fields: tuple[tuple[int, bytes], ...] = ()
    annotations: tuple[bytes, ...] = ()


def pdf(*pages: Page, files: tuple[tuple[str, bytes], ...] = (), image: bytes = b"\x80") -> bytes:
    """Return a PDF. `image` is what an image of one pixel is stored as."""
    objects: list[bytes] = [b"", b"", _FONT, _stream(_IMAGE, image)]

    def add(content: bytes) -> int:
        objects.append(content)
        return len(objects)

    kids, all_fields = [], []
    for page in pages:
        content = add(_stream(b"<<", _drawn(page)))
        ident = len(objects) + 1
        objects.append(b"")
        fields = []
        for line, field in page.fields:
            bottom = 695 - 40 * line
            place = b"/Rect [160 %d 300 %d] /F 4 /P %d 0 R" % (bottom, bottom + 18, ident)
            fields.append(add(b"<< /Type /Annot /Subtype /Widget %s %s >>" % (place, field)))
        shown = [add(b"<< /Type /Annot /P %d 0 R %s >>" % (ident, a)) for a in page.annotations]
        objects[ident - 1] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R /Annots [%s]"
            b" /Resources << /Font << /F1 3 0 R >> /XObject << /I 4 0 R >> >> >>"
            % (content, _references(fields + shown))
        )
        kids.append(ident)
        all_fields += fields
    objects[0] = (
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [%s] /DR << /Font << /Helv 3 0 R >> >>"
        b" /DA (/Helv 12 Tf 0 g) >> >>" % _references(all_fields)
        if all_fields
        else b"<< /Type /Catalog /Pages 2 0 R >>"
    )
    if files:
        names = b""
        for name, data in files:
            stream = add(_stream(b"<< /Type /EmbeddedFile", data))
            names += b"(%s) << /Type /Filespec /F (%s) /EF << /F %d 0 R >> >> " % (
                name.encode(),
                name.encode(),
                stream,
            )
        objects[0] = objects[0].removesuffix(b">>") + (
            b"/Collection << /View /D >> /Names << /EmbeddedFiles << /Names [%s] >> >> >>" % names
        )
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (_references(kids), len(kids))
    return _file(objects)


def _drawn(page: Page) -> bytes:
    image = [b"q 600 0 0 800 0 0 cm /I Do Q"] if page.has_image else []
    lines = [
        b"BT /F1 12 Tf 40 %d Td (%s) Tj ET" % (700 - 40 * number, line.encode("latin-1"))
        for number, line in enumerate(page.lines)
    ]
    return b"\n".join(image + lines)


def _references(idents: list[int]) -> bytes:
    return b" ".join(b"%d 0 R" % ident for ident in idents)


def _stream(head: bytes, content: bytes) -> bytes:
    return b"%s /Length %d >>\nstream\n%s\nendstream" % (head, len(content), content)


def _file(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out) + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        table,
    )
