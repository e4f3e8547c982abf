"""Rows of the output topics, as records for a landing."""

from datetime import UTC, datetime

from oncofhir.schemas.finding import Basis, Coding, Kind
from oncofhir.schemas.outcome import PhenotypeRow, RowStatus
from oncofhir.warehouse.landing.topic_record import StagedRecord

TOPIC = "oncology.phenotypes"


def row(finding="f1", revision=1, value="left", **fields):
    given = {
        "finding": finding,
        "document": "d1",
        "revision": revision,
        "status": RowStatus.CURRENT,
        "source": "DiagnosticReport/1",
        "subject": "Patient/1",
        "kind": Kind.TUMOR_LATERALITY,
        "value": value,
        "basis": Basis.STATED,
        "codings": (Coding(system="http://snomed.info/sct", code="7771000", display="Left"),),
        "model": "m",
        "model_digest": "d",
        "prompt_set": "p@1",
        "software": "0.1.0",
        "run": "r",
        "asserted": datetime(2026, 11, 27, tzinfo=UTC),
    }
    return PhenotypeRow.model_validate(given | fields)


def record(offset, row=None, key=None, value=None, partition=0):
    if row is not None:
        return StagedRecord(partition, offset, row.finding, row.model_dump_json())
    return StagedRecord(partition, offset, key, value)
