"""The code tables of the mapping: `mapping.toml` in this folder."""

import tomllib
from functools import cache
from importlib.resources import files

from oncofhir.schemas.base import Value


class Tables(Value):
    """Codes of HL7 v2 and what they become; `mapping.toml` has the sources."""

    result_status: dict[str, str]
    observation_status: dict[str, frozenset[str]]
    completion_status: dict[str, str]
    availability_status: dict[str, str]
    document_events: dict[str, str]
    coding_systems: dict[str, str]
    diagnostic_sections: dict[str, str]
    confidentiality: dict[str, str]


@cache
def tables() -> Tables:
    """Return the tables of the package."""
    text = files("oncofhir.fhir.hl7v2").joinpath("mapping.toml").read_text(encoding="utf-8")
    return Tables.model_validate(tomllib.loads(text))
