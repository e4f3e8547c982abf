"""`docs/reference/rows.md`: the columns of the phenotype and outcome rows, with one example each."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from docs.generate.markdown import head, json_block, table
from oncofhir.contracts.examples import outcome_row, phenotype_row
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow, RowStatus

DESCRIPTIONS: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("descriptions.toml").read_text(encoding="utf-8")
)
_INTRODUCTION = """
Rows are JSON, or Avro with the framing of a schema registry (`ONCOFHIR_KAFKA__ROW_FORMAT`). Keep the row with the highest `revision` of a key (an upsert): a later row replaces an earlier one. `oncofhir schemas print`
prints their JSON Schema and Avro schema, `oncofhir schemas print asyncapi` everything about the topics. Headers: `content-type`,
`oncofhir-schema` (the contract and its major version: phenotype/1), `oncofhir-source-topic`, `-partition`, `-offset` (the input record),
`oncofhir-version`, and `traceparent` if the record had one. A record without a value is a tombstone: delete the row of its key.
"""


def rows_page() -> str:
    """Render the page."""
    return "\n".join(
        (
            head("Rows", "data warehouse and integration teams", "oncofhir/schemas/outcome.py"),
            _INTRODUCTION.strip() + "\n",
            "## Phenotype rows\n",
            "Topic `oncology.phenotypes`, key `finding`: one row per finding.\n",
            table(("column", "type", "meaning"), _fields(PhenotypeRow)),
            "An example:\n",
            json_block(phenotype_row().model_dump(mode="json")),
            "### Status of a finding\n",
            table(("status", "meaning"), _statuses(RowStatus)),
            "## Outcome rows\n",
            "Topic `oncology.outcomes`, key `document`: one row per document version.\n",
            table(("column", "type", "meaning"), _fields(OutcomeRow)),
            "An example:\n",
            json_block(outcome_row().model_dump(mode="json")),
            "### Status of a document version\n",
            table(("status", "meaning"), _statuses(OutcomeStatus)),
        )
    )


def described(model: type[BaseModel], name: str) -> str:
    """Return the description of a column."""
    return model.model_fields[name].description or ""


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        yield f"`{name}`", _type(field.annotation), described(model, name)


def _statuses(statuses: type[RowStatus | OutcomeStatus]) -> Iterator[tuple[str, str]]:
    for status in statuses:
        yield f"`{status.value}`", DESCRIPTIONS[statuses.__name__][status.value]


def _type(annotation: Any) -> str:
    if isinstance(annotation, UnionType):
        return " or ".join(_type(part) for part in get_args(annotation))
    if get_origin(annotation) is tuple:
        return f"list of {_type(get_args(annotation)[0])}"
    if get_origin(annotation) is dict:
        return "object"
    names = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
    if annotation in names:
        return names[annotation]
    if issubclass(annotation, str):
        return "string"
    return "object" if issubclass(annotation, BaseModel) else "timestamp"
