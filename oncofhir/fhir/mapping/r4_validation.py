"""Validates resources against FHIR R4 before they are written.

`fhir.resources` implements R4B. Its Condition, Observation, Specimen, BodyStructure, Provenance and Task
equal R4's in the elements that this service writes.
"""

from typing import Any

from fhir.resources.R4B.bodystructure import BodyStructure
from fhir.resources.R4B.condition import Condition
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.provenance import Provenance
from fhir.resources.R4B.specimen import Specimen
from fhir.resources.R4B.task import Task
from pydantic import ValidationError

from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.reasons import Reason

_MODELS: dict[str, Any] = {
    "BodyStructure": BodyStructure,
    "Condition": Condition,
    "Observation": Observation,
    "Provenance": Provenance,
    "Specimen": Specimen,
    "Task": Task,
}
_MAX_PATHS = 5


def validate(resource: dict[str, Any]) -> None:
    """Validate a resource.

    Raises:
        RequestRejected: store-rejected, with the paths of the invalid elements and no values.
    """
    try:
        _MODELS[resource["resourceType"]].model_validate(resource)
    except ValidationError as error:
        paths = ", ".join(
            ".".join(map(str, e["loc"]))
            for e in error.errors(include_input=False, include_url=False)[:_MAX_PATHS]
        )
        raise RequestRejected(
            Reason.STORE_REJECTED, resource["resourceType"], f"not valid R4 at {paths}"
        ) from None
