"""Settings of reading HL7 v2 messages, from Kafka, files and MLLP alike."""

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from oncofhir.settings.base import Group

_SYSTEM = re.compile(r"(?P<name>[^\s=]{1,227})=(?P<uri>[a-zA-Z][a-zA-Z0-9+.\-]*:\S+)")


class Hl7v2Settings(Group):
    """How HL7 v2 messages become FHIR where a message leaves it open."""

    time_zone: str = Field(
        "UTC",
        description="Time zone (IANA, such as Europe/Berlin) of times without an offset in messages whose "
        "MSH-7 states none.",
    )
    systems: str = Field(
        "",
        description="URIs of the senders' namespaces and coding systems, separated by blanks: "
        "HOSP=urn:oid:2.16.840.1 LOCAL=https://hospital.example/codes. A patient is found in the FHIR server "
        "by PID-3 only if the system of its assigning authority is known.",
    )
    default_charset: str | None = Field(
        None,
        description="Character set (HL7 table 0211, such as 8859/1) of messages whose MSH-18 is empty. "
        "Default: UTF-8, and messages that are not UTF-8 are refused.",
    )

    @property
    def system_uris(self) -> dict[str, str]:
        """The URI of each namespace or coding system by its name."""
        found = [_SYSTEM.fullmatch(item) for item in self.systems.split()]
        return {m["name"]: m["uri"] for m in found if m}

    @field_validator("systems")
    @classmethod
    def _systems_are_uris(cls, value: str) -> str:
        if not all(_SYSTEM.fullmatch(item) for item in value.split()):
            raise ValueError("each item is NAME=URI")
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no such time zone; an IANA name such as Europe/Berlin") from None
        return value
