"""One invented row of each contract, for the published documents."""

from datetime import UTC, datetime

from oncofhir.contracts.dead_letter_headers import DeadLetterHeaders
from oncofhir.schemas.finding import Basis, Coding, Kind
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow, RowEvidence, RowStatus

_DOCUMENT = "5a8f83a7-795b-598d-87bc-971eb5ae481a"
_RUN = "593c38fb-10e9-5394-ad32-319afdf10fdc"
_DIGEST = "0" * 64
_RECORDED = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def phenotype_row() -> PhenotypeRow:
    """Return a row that says: tumour size 18 mm."""
    return PhenotypeRow(
        finding="7c0a7b0e-3c43-5f2e-9df0-93e1a6d3a7b1",
        document=_DOCUMENT,
        revision=1,
        status=RowStatus.CURRENT,
        resource="Observation/3f1f1f0e-0000-5000-8000-000000000001",
        source="DiagnosticReport/1",
        source_version="1",
        subject="Patient/1",
        kind=Kind.TUMOR_SIZE,
        value="18 mm",
        number=18.0,
        unit="mm",
        basis=Basis.STATED,
        confidence=0.97,
        codings=(Coding(system="http://loinc.org", code="21889-1", display="Size Tumor"),),
        evidence=(
            RowEvidence(
                start=40,
                end=45,
                text="18 mm",
                path="DiagnosticReport.presentedForm[0]",
                attachment_start=40,
            ),
        ),
        effective="2026-11-26",
        model="cancerllm-7b",
        model_digest=_DIGEST,
        prompt_set="cancerllm@1",
        software="0.2.0",
        run=_RUN,
        asserted=_RECORDED,
    )


def outcome_row() -> OutcomeRow:
    """Return a row of a report in which findings were found."""
    return OutcomeRow(
        document=_DOCUMENT,
        revision=1,
        status=OutcomeStatus.FOUND,
        source="DiagnosticReport/1",
        source_version="1",
        run=_RUN,
        findings=9,
        rejected={"negated": 1},
        model="cancerllm-7b",
        model_digest=_DIGEST,
        prompt_set="cancerllm@1",
        software="0.2.0",
        recorded=_RECORDED,
    )


def dead_letter_headers() -> DeadLetterHeaders:
    """Return the headers of a record that was no JSON."""
    return DeadLetterHeaders.model_validate(
        {
            "oncofhir-reason": "not-json",
            "oncofhir-stage": "decode",
            "oncofhir-attempts": "1",
            "oncofhir-topic": "fhir.diagnostic-report",
            "oncofhir-partition": "0",
            "oncofhir-offset": "17",
            "oncofhir-timestamp": "1795766400000",
            "oncofhir-first-tried": "2026-11-27T08:00:00.000+00:00",
            "oncofhir-last-tried": "2026-11-27T08:00:00.000+00:00",
            "oncofhir-version": "0.2.0",
        }
    )
