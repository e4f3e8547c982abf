"""What reading a report costs, beside the bare parsing library on the same bytes in the same run.

    python -m benchmarks.intake [--rounds 30]

Reading is all from the resource (a parsed JSON object) to the Report: base64, charset, parsing, text with
offsets, sections, parts. It runs in this process, as CPU seconds; `in_pool_milliseconds` is the same through
the pool of child processes that the worker uses, as wall-clock. The bare library only makes the text: lxml's
HTML and XML parsers with `itertext`, pypdfium2's text pages; for plain text it is fhir.resources reading the
resource's JSON. Documents are invented and have a pathology report's headings and tissue words.
"""

import argparse
import asyncio
import base64
import json
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import pypdfium2
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from lxml import etree

from benchmarks.reports import report_text
from oncofhir.fhir.intake.attachments.sandbox import ParsingBounds, ParsingPool
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.read_report import read_report
from oncofhir.fhir.intake.source_reader import Companions

LIMITS = IntakeLimits()


def text_document() -> bytes:
    """4 KB of plain text."""
    return report_text(1, 560).encode()[:4096]


def html_document() -> bytes:
    """40 KB of HTML as word processors make it: paragraphs, spans with styles, a table."""
    lines = report_text(2, 3300).splitlines()
    cells = [f"<td>{line[:20]}</td><td><b>{line[20:40]}</b></td>" for line in lines[:40]]
    rows = "".join(f"<tr>{cell}</tr>" for cell in cells)
    style = 'style="font-size:11pt"'
    body = "".join(f'<p class="x"><span {style}>{line}</span></p>\n' for line in lines)
    head = "<head><title>Report</title></head>"
    return f"<html>{head}<body>{body}<table>{rows}</table></body></html>".encode()


def cda_document() -> bytes:
    """100 KB of C-CDA: narrative sections with tables, and entries that say the same in codes."""
    random_ = random.Random(3)
    sections = []
    for number in range(12):
        lines = report_text(number, 380).splitlines()
        rows = "".join(f"<tr><td>{a}</td><td>{random_.randint(1, 99)}</td></tr>" for a in lines)
        code = '<code code="11526-1"/>'
        entry = f'<entry><observation classCode="OBS" moodCode="EVN">{code}</observation></entry>'
        sections.append(
            f"<component><section><title>Final Diagnosis {number}</title><text>"
            f"<table><tbody>{rows}</tbody></table></text>{entry * 35}</section></component>"
        )
    body = f"<component><structuredBody>{''.join(sections)}</structuredBody></component>"
    whole = f"<title>Report</title>{body}</ClinicalDocument>"
    return f'<ClinicalDocument xmlns="urn:hl7-org:v3">{whole}'.encode()


def pdf_document() -> bytes:
    """Ten pages of text in a standard font."""
    pages = [report_text(number, 330).splitlines() for number in range(10)]
    objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>")
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for number, lines in enumerate(pages):
        shown = " ".join(f"({line}) Tj T*".replace("\\", "") for line in lines)
        stream = f"BT /F1 9 Tf 40 780 Td 11 TL {shown} ET"
        font = "/Resources << /Font << /F1 3 0 R >> >>"
        box = "/MediaBox [0 0 612 800]"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R {box} {font} /Contents {5 + 2 * number} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    head = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    trailer = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF"
    return out + (head + trailer).encode()


def bare_html(data: bytes) -> str:
    """Lxml alone."""
    return "".join(etree.fromstring(data, etree.HTMLParser(encoding="utf-8")).itertext())


def bare_xml(data: bytes) -> str:
    """Lxml alone."""
    return "".join(etree.fromstring(data).itertext())


def bare_pdf(data: bytes) -> str:
    """pypdfium2 alone."""
    document = pypdfium2.PdfDocument(data)
    pages = []
    for page in document:
        layer = page.get_textpage()
        pages.append(layer.get_text_range())
        layer.close()
        page.close()
    document.close()
    return "".join(pages)


def resource(data: bytes, content_type: str) -> dict[str, Any]:
    """A DiagnosticReport that holds the document."""
    return {
        "resourceType": "DiagnosticReport",
        "id": "benchmark",
        "meta": {"versionId": "1", "lastUpdated": "2026-11-20T10:00:00Z"},
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "11526-1"}]},
        "subject": {"reference": "Patient/1"},
        "presentedForm": [{"contentType": content_type, "data": base64.b64encode(data).decode()}],
    }


async def read_seconds(of: dict[str, Any]) -> float:
    """CPU seconds from resource to Report."""
    companions = Companions(())
    began = time.process_time()
    await read_report(of, companions, LIMITS)
    return time.process_time() - began


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds of a call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def through_pool(of: dict[str, Any], rounds: int) -> float:
    """Wall-clock seconds of a reading whose attachment is parsed in a child process."""

    async def go() -> float:
        pool = ParsingPool(ParsingBounds(processes=1))
        companions = Companions(())
        try:
            await read_report(of, companions, LIMITS, parse=pool.parse)
            took = []
            for _ in range(rounds):
                began = time.perf_counter()
                await read_report(of, companions, LIMITS, parse=pool.parse)
                took.append(time.perf_counter() - began)
            return statistics.median(took)
        finally:
            await pool.aclose()

    return asyncio.run(go())


def measured(
    name: str,
    data: bytes,
    content_type: str,
    bare: Callable[[], object],
    goal: float,
    rounds: int,
) -> dict[str, object]:
    """The line of one kind of document; the two are measured in turn, medians count."""
    of = resource(data, content_type)

    async def pairs() -> list[tuple[float, float]]:
        return [(await read_seconds(of), seconds(bare)) for _ in range(rounds + 3)]

    ours, theirs = zip(*asyncio.run(pairs())[3:], strict=True)
    mine, other = statistics.median(ours), statistics.median(theirs)
    return {
        "name": f"intake-{name}",
        "ratio": round(mine / other, 2),
        "goal": goal,
        "bytes": len(data),
        "reports_a_second": round(1 / mine),
        "milliseconds": round(1000 * mine, 2),
        "bare_milliseconds": round(1000 * other, 2),
        "in_pool_milliseconds": round(1000 * through_pool(of, rounds), 2),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    text, html, cda, pdf = text_document(), html_document(), cda_document(), pdf_document()
    encoded = json.dumps(resource(text, "text/plain"))

    def bare_text() -> object:
        return DiagnosticReport.model_validate_json(encoded)

    for line in (
        measured("text-4k", text, "text/plain", bare_text, 1.0, rounds),
        measured("html-40k", html, "text/html", lambda: bare_html(html), 1.5, rounds),
        measured("cda-100k", cda, "application/xml", lambda: bare_xml(cda), 1.5, rounds),
        measured("pdf-10-pages", pdf, "application/pdf", lambda: bare_pdf(pdf), 1.5, rounds),
    ):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
