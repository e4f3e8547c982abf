"""Hand-made extractions for tests of the FHIR output: findings quoted from a text, coded by the terminology."""

from datetime import UTC, datetime
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.intake.sections import sections
from oncofhir.fhir.intake.specimen_parts import parts
from oncofhir.fhir.mapping.run_context import RunContext
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.extraction import Extraction, ModelIdentity, PromptSetIdentity
from oncofhir.schemas.finding import Basis, Coding, Evidence, Finding, Kind
from oncofhir.schemas.identity import document_id, run_of, sha256_of
from oncofhir.schemas.report import Report, Segment
from oncofhir.terminology.coding import codings, diagnosis_codings

MODEL = ModelIdentity(
    name="test-model", digest="sha256-0123", server="scripted", server_version="1"
)
PROMPTS = PromptSetIdentity(name="test-prompts", version="1", sha256="ab12")
CARD = "# Test model\n\nIt reads nothing.\n"
RECORDED = datetime(2026, 11, 20, 10, 15, 32, tzinfo=UTC)
SYSTEM = "https://test.example/sid"
PATHOLOGY = Coding(system="http://loinc.org", code="11526-1")


def report_of(text: str, ident: str = "r1", **more: Any) -> Report:
    """A report over a text, as intake would give it; pathology unless `types` says otherwise."""
    found = sections(text)
    defaults: dict[str, Any] = {
        "source": SourceReference(type="DiagnosticReport", id=ident, version="1"),
        "status": "final",
        "subject": f"Patient/{ident}",
        "patient_gender": "female",
        "effective": "2026-11-18",
        "types": (PATHOLOGY,),
        "sections": found,
        "parts": parts(text, found),
    }
    return Report(
        text=text,
        text_sha256=sha256_of(text),
        content_key=sha256_of(text),
        segments=(
            Segment(
                start=0,
                end=len(text),
                path="DiagnosticReport.presentedForm[0]",
                content_type="text/plain",
            ),
        ),
        **(defaults | more),
    )


def finding(
    report: Report,
    kind: str,
    value: str,
    quote: str,
    *,
    slot: str | None = None,
    part: str | None = None,
    dimensions: tuple[float, ...] = (),
    laterality: str | None = None,
    inferred: bool = False,
) -> Finding:
    """A finding whose evidence is the first place of `quote` in the text; it must be there."""
    start = report.text.index(quote)
    named = Kind(kind)
    coded = (
        diagnosis_codings(value, laterality=laterality, gender=report.patient_gender)
        if named is Kind.DIAGNOSIS
        else codings(named, slot, value)
    )
    return Finding(
        kind=named,
        slot=slot,
        value=value,
        number=dimensions[0] if dimensions else None,
        unit="mm" if dimensions else None,
        dimensions=dimensions,
        basis=Basis.INFERRED if inferred else Basis.STATED,
        raw=value,
        confidence=0.93,
        evidence=(
            Evidence(
                start=start,
                end=start + len(quote),
                text=quote,
                path="DiagnosticReport.presentedForm[0]",
                attachment_start=start,
            ),
        ),
        codings=coded,
        part=part,
    )


def extraction_of(*findings: Finding) -> Extraction:
    return Extraction(model=MODEL, prompt_set=PROMPTS, findings=findings)


def context_of(report: Report, **more: Any) -> RunContext:
    return RunContext(
        document=document_id("test", report.subject, report.content_key),
        report=report,
        run=run_of(report, MODEL, PROMPTS, "settings", "terminology", "0.0.0"),
        systems=IdentifierSystems(prefix=SYSTEM),
        source_name="test",
        organization="Test Hospital",
        recorded=RECORDED,
        **more,
    )
