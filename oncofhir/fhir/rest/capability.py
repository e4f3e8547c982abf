"""The capabilities of a FHIR server, from its CapabilityStatement, as far as they decide how to write.

Source: http://hl7.org/fhir/R4/capabilitystatement.html. Servers often declare less than they support, so an
interaction that is not mentioned counts as supported; one that is denied counts as unsupported. Conditional
update is irrelevant: updates go by id, guarded by the version that was read.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import UnsuitableServer
from oncofhir.schemas.reasons import Reason

# HAPI FHIR 8.4 declares `transaction` only and supports both.
_TAKES_BATCHES = {"batch", "transaction"}
_WRITTEN = (
    "Condition",
    "Observation",
    "Specimen",
    "BodyStructure",
    "Provenance",
    "Device",
    "DocumentReference",
)
_WRITTEN_IN = "4."  # R4 (4.0) and R4B (4.3)


class Versioning(StrEnum):
    """`CapabilityStatement.rest.resource.versioning`."""

    NO_VERSION = "no-version"
    VERSIONED = "versioned"
    VERSIONED_UPDATE = "versioned-update"


class TypeCapability(Value):
    """What a server supports for one resource type."""

    conditional_create: bool = True
    update_create: bool = True
    versioning: Versioning = Versioning.VERSIONED_UPDATE


class Capability(Value):
    """What a server supports. `transaction` and `batch` are its system-level interactions."""

    fhir_version: str | None = None
    transaction: bool = True
    batch: bool = True
    types: Mapping[str, TypeCapability] = {}

    def of(self, type: str) -> TypeCapability:  # noqa: A002
        """Return the capability for a type; everything if the server does not list the type."""
        return self.types.get(type, TypeCapability())

    @property
    def chooses_ids(self) -> bool:
        """Whether a client may choose the ids of the resources that are written (update as create)."""
        return all(self.of(kind).update_create for kind in _WRITTEN)

    @property
    def guards_versions(self) -> bool:
        """Whether `If-Match` prevents two writers from both changing a Task or a finding."""
        guarded = (self.of(kind).versioning for kind in ("Task", *_WRITTEN))
        return all(versioning is Versioning.VERSIONED_UPDATE for versioning in guarded)


def capability_of(statement: Mapping[str, Any]) -> Capability:
    """Read the capability from a CapabilityStatement; malformed parts are ignored."""
    rest = next((r for r in _dicts(statement.get("rest")) if r.get("mode") != "client"), {})
    codes = {
        code for i in _dicts(rest.get("interaction")) if isinstance(code := i.get("code"), str)
    }
    version = statement.get("fhirVersion")
    return Capability(
        fhir_version=version if isinstance(version, str) else None,
        transaction=not codes or "transaction" in codes,
        batch=not codes or bool(codes & _TAKES_BATCHES),
        types={
            type_["type"]: _of_type(type_)
            for type_ in _dicts(rest.get("resource"))
            if isinstance(type_.get("type"), str)
        },
    )


def _of_type(stated: Mapping[str, Any]) -> TypeCapability:
    versioning = stated.get("versioning")
    known = versioning if versioning in list(Versioning) else Versioning.VERSIONED_UPDATE
    return TypeCapability(
        conditional_create=stated.get("conditionalCreate") is not False,
        update_create=stated.get("updateCreate") is not False,
        versioning=Versioning(known),
    )


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def check_version(capability: Capability, where: str) -> None:
    """Check that a store supports R4 or R4B, the releases that are written.

    Raises:
        UnsuitableServer: store-fhir-version: it declares another release.
    """
    version = capability.fhir_version
    if version is not None and not version.startswith(_WRITTEN_IN):
        detail = "it is not a FHIR R4 or R4B server; most servers have an R4 endpoint"
        raise UnsuitableServer(Reason.STORE_FHIR_VERSION, where, detail)
