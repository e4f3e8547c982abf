"""JSON Schema (2020-12) of a row or of headers, generated from its pydantic model."""

from typing import Any

from pydantic import BaseModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(model: type[BaseModel], name: str) -> dict[str, Any]:
    """Return the JSON Schema of a model as it is serialised.

    Unknown properties are allowed at every level: a minor version may add some, and a consumer that validates
    with this schema must keep working (JSON Schema 2020-12 core, section 10.3.2.3, `additionalProperties`).
    """
    schema = model.model_json_schema(by_alias=True, mode="serialization")
    _open(schema)
    return {"$schema": DIALECT, "$id": f"urn:oncofhir:schema:{name}:v1", **schema}


def _open(node: Any) -> None:
    """Remove what closes an object and the generated titles, which repeat the property's name."""
    if isinstance(node, dict):
        node.pop("additionalProperties", None) if node.get(
            "additionalProperties"
        ) is False else None
        if "properties" in node:
            for definition in node["properties"].values():
                definition.pop("title", None)
        for value in node.values():
            _open(value)
    elif isinstance(node, list):
        for value in node:
            _open(value)
