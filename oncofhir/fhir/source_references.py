"""References from written resources to the source's resources: the report, its patient, its specimen.

In the store these references must mean the same as at the source. If both are one server, or the store
keeps the source's ids, a relative reference suffices. If they are two servers, an absolute reference names
the server; an identifier serves where a store refuses references to other servers, and for reports of HL7 v2
messages, which are on no server.

Source: http://hl7.org/fhir/R4/references.html (literal and logical references).
"""

from typing import Any, Literal

from oncofhir.fhir.references import is_of_message, literal_reference
from oncofhir.schemas.base import Value

# The value is a URI (http://hl7.org/fhir/R4/identifier-registry.html).
_URI = "urn:ietf:rfc:3986"


class SourceReferences(Value):
    """The form of references to the source, at `base_url` (needed for `absolute` and `identifier`).

    `message_system` is the identifier system of reports of HL7 v2 messages.
    """

    form: Literal["same", "absolute", "identifier"] = "same"
    base_url: str = ""
    message_system: str = ""

    def reference_element(self, reference: str) -> dict[str, Any]:
        """Build the Reference element for a relative reference to a source resource, with or without version.

        A URL names a resource on a third server and is used as it is.
        """
        literal = literal_reference(reference)
        if literal is not None and is_of_message(literal):
            system = {"system": self.message_system} if self.message_system else {}
            return {"type": literal.type, "identifier": {**system, "value": reference}}
        if self.form == "same":
            return {"reference": reference}
        is_relative = literal is None or reference == str(literal)
        address = f"{self.base_url}/{reference}" if is_relative else reference
        if self.form == "absolute":
            return {"reference": address}
        return {
            "type": literal.type if literal is not None else reference.partition("/")[0],
            "identifier": {"system": _URI, "value": address},
        }


SAME = SourceReferences()


def referenced_resource(element: dict[str, Any]) -> str | None:
    """Return what a Reference element names, equal for every form: `Type/id`, else its literal text."""
    named = element.get("reference") or (element.get("identifier") or {}).get("value")
    if not isinstance(named, str):
        return None
    literal = literal_reference(named)
    return literal.unversioned if literal is not None else named
