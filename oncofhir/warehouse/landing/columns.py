"""Columns of a row's table, from its pydantic model, as DuckDB types. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from oncofhir.schemas.outcome import RENAMED_STATUSES, OutcomeStatus

_SIMPLE: dict[type, str] = {
    bool: "BOOLEAN",
    int: "BIGINT",
    float: "DOUBLE",
    str: "VARCHAR",
    datetime: "TIMESTAMPTZ",
}


@dataclass(frozen=True)
class Column:
    """A column: its name, its DuckDB type, its structure for `json_transform`, and whether it may be null.

    `default` is the JSON of what stands in for a value that an older row does not have, and `renamed` are
    values of older rows with their names of today.
    """

    name: str
    sql_type: str
    structure: Any
    is_required: bool
    default: str | None
    description: str | None
    renamed: Mapping[str, str] = field(default_factory=dict)


def columns_of(model: type[BaseModel]) -> tuple[Column, ...]:
    """Return the columns of a model's rows, in the order of its fields."""
    found = []
    for name, info in model.model_fields.items():
        structure = _structure(info.annotation)
        default = None
        if not info.is_required() and info.default is not None:
            default = json.dumps(_plain(info.default))
        found.append(
            Column(
                name=name,
                sql_type=_sql_type(structure),
                structure=structure,
                is_required=info.is_required(),
                default=default,
                description=info.description,
                renamed=RENAMED_STATUSES if info.annotation is OutcomeStatus else {},
            )
        )
    return tuple(found)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def _structure(annotation: Any) -> Any:
    """Return the type as DuckDB's JSON structure: a name, [element] for a list, {name: type} for a struct."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        return _structure(next(a for a in arguments if a is not NoneType))
    if origin in {tuple, list}:
        return [_structure(arguments[0])]
    if origin is dict:
        return f"MAP(VARCHAR, {_sql_type(_structure(arguments[1]))})"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return {name: _structure(field.annotation) for name, field in fields}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "VARCHAR"  # open to the values of a newer minor version
    return _SIMPLE[annotation]


def _sql_type(structure: Any) -> str:
    if isinstance(structure, list):
        return f"{_sql_type(structure[0])}[]"
    if isinstance(structure, dict):
        fields = ", ".join(f'"{name}" {_sql_type(of)}' for name, of in structure.items())
        return f"STRUCT({fields})"
    return str(structure)
