"""Avro schema of a row, generated from its pydantic model."""

import json
from typing import Any

import py_avro_schema
from pydantic import BaseModel

NAMESPACE = "oncofhir"
_OPTIONS = py_avro_schema.Option.NO_AUTO_NAMESPACE | py_avro_schema.Option.NO_DOC


def avro_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the Avro schema of a model (Apache Avro specification 1.12).

    Closed lists of values are strings: an Avro enum refuses hyphens, and a reader with an older schema would
    take a new symbol for the enum's default.
    """
    schema = json.loads(py_avro_schema.generate(model, options=_OPTIONS))
    _as_strings(schema)
    _describe(schema, model)
    schema["namespace"] = NAMESPACE
    return dict(schema)


def _as_strings(node: Any) -> None:
    """Replace enums, and names that refer to one, by strings."""
    names: set[str] = set()

    def replaced(part: Any) -> Any:
        if isinstance(part, dict):
            if part.get("type") == "enum":
                names.add(part["name"])
                return "string"
            return {key: replaced(value) for key, value in part.items()}
        if isinstance(part, list):
            return [replaced(value) for value in part]
        return "string" if isinstance(part, str) and part in names else part

    for field in node["fields"]:
        field["type"] = replaced(field["type"])


def _describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    schema["doc"] = (model.__doc__ or "").split("\n", 1)[0]
    for field in schema["fields"]:
        description = model.model_fields[field["name"]].description
        if description:
            field["doc"] = description
