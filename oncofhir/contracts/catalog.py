"""The published contracts by name, and the files that ship with the package."""

import json
from importlib.resources import files
from typing import Any

from pydantic import BaseModel

from oncofhir.contracts.dead_letter_headers import DeadLetterHeaders
from oncofhir.contracts.kinds import Contract, Format
from oncofhir.schemas.outcome import OutcomeRow, PhenotypeRow

MODELS: dict[Contract, type[BaseModel]] = {
    Contract.PHENOTYPE: PhenotypeRow,
    Contract.OUTCOME: OutcomeRow,
    Contract.DEAD_LETTER: DeadLetterHeaders,
}
_SUFFIX = {Format.JSON_SCHEMA: "schema.json", Format.AVRO: "avsc"}
FOLDER = "published"


def file_name(contract: Contract, format_: Format) -> str:
    """Return the name of the schema's file in the package's folder `published`."""
    return f"{contract.value}.{_SUFFIX[format_]}"


def published(contract: Contract, format_: Format) -> dict[str, Any]:
    """Return the schema that ships with this version; headers as Avro are a record of strings."""
    text = files(__package__ or "oncofhir.contracts").joinpath(FOLDER, file_name(contract, format_))
    schema: dict[str, Any] = json.loads(text.read_text(encoding="utf-8"))
    return schema
