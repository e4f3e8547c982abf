"""`docs/reference/envelopes.md`: what an input record may look like, with one example each."""

import base64
import json
from typing import Any, NamedTuple

from docs.generate.markdown import code, head, json_block
from oncofhir.schemas.reasons import Reason

REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "1",
    "meta": {"versionId": "3"},
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "11526-1"}]},
    "subject": {"reference": "Patient/1"},
    "conclusion": "Invasive ductal carcinoma of the left breast.",
}
REFERENCE = "DiagnosticReport/1"
_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"


class Example(NamedTuple):
    """An input record that announces `DiagnosticReport/1`."""

    title: str
    text: str
    value: Any
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def raw(self) -> bytes:
        """The record's value."""
        return (
            self.value.encode() if isinstance(self.value, str) else json.dumps(self.value).encode()
        )


def _bundle(kind: str, *resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": r} for r in resources]}


_DATA = base64.b64encode(json.dumps(REPORT).encode()).decode()
EXAMPLES = (
    Example("A resource", "The FHIR resource itself. This is the simplest and the best form.", REPORT),
    Example(
        "A reference",
        "A relative or absolute reference as text. The worker reads the resource from `ONCOFHIR_FHIR__SOURCE_BASE_URL`.",
        f"{REFERENCE}/_history/3",
    ),
    Example(
        "A Bundle",
        "Any type: collection, batch, transaction, searchset, history or message. Each report in it is processed; the other resources resolve "
        "references.",
        _bundle("collection", REPORT, {"resourceType": "Patient", "id": "1", "gender": "female"}),
    ),
    Example(
        "A subscription notification, R4 and R4B (Subscriptions Backport)",
        "With or without the resources. The content `empty` announces nothing and is dead-lettered.",
        _bundle(
            "history",
            {
                "resourceType": "Parameters",
                "meta": {"profile": [_BACKPORT]},
                "parameter": [
                    {"name": "subscription", "valueReference": {"reference": "Subscription/1"}},
                    {"name": "type", "valueCode": "event-notification"},
                    {
                        "name": "notification-event",
                        "part": [{"name": "focus", "valueReference": {"reference": REFERENCE}}],
                    },
                ],
            },
        ),
    ),
    Example(
        "A subscription notification, R5",
        "Likewise.",
        _bundle(
            "subscription-notification",
            {
                "resourceType": "SubscriptionStatus",
                "type": "event-notification",
                "notificationEvent": [{"eventNumber": "1", "focus": {"reference": REFERENCE}}],
            },
        ),
    ),
    Example(
        "A HAPI FHIR message",
        "As HAPI FHIR's subscriptions send it to a Kafka channel.",
        {
            "headers": {},
            "payload": {
                "operationType": "UPDATE",
                "payloadId": f"{REFERENCE}/_history/3",
                "payload": json.dumps(REPORT),
            },
        },
    ),
    Example(
        "A LinuxForHealth FHIR notification",
        "As the IBM and LinuxForHealth FHIR servers send it.",
        {
            "operationType": "update",
            "location": f"{REFERENCE}/_history/3",
            "resourceId": "1",
            "resource": REPORT,
        },
    ),
    Example(
        "A CloudEvent, structured mode",
        "CloudEvents 1.0 with `data` or `data_base64`.",
        {"specversion": "1.0", "type": "org.hl7.fhir.updated", "source": "/ehr", "id": "1", "data": REPORT},
    ),
    Example(
        "A CloudEvent, binary mode",
        "The attributes are record headers; the value is the resource.",
        REPORT,
        (("ce_specversion", b"1.0"), ("ce_type", b"org.hl7.fhir.updated"), ("ce_subject", b"DiagnosticReport/1")),
    ),
    Example(
        "An Azure Event Grid event",
        "Of Azure Health Data Services. It names the resource; the worker reads it.",
        {
            "id": "1",
            "subject": "example.fhir.azurehealthcareapis.com/DiagnosticReport/1",
            "eventType": "Microsoft.HealthcareApis.FhirResourceUpdated",
            "eventTime": "2026-11-27T08:00:00Z",
            "dataVersion": "3",
            "data": {
                "resourceType": "DiagnosticReport",
                "resourceFhirAccount": "example.fhir.azurehealthcareapis.com",
                "resourceFhirId": "1",
                "resourceVersionId": 3,
            },
        },
    ),
    Example(
        "A Google Pub/Sub message",
        "Of the Cloud Healthcare API, forwarded to Kafka.",
        {
            "message": {
                "attributes": {"action": "UpdateResource", "resourceType": "DiagnosticReport"},
                "data": _DATA,
            }
        },
    ),
    Example(
        "A record of Kafka Connect",
        "JsonConverter with schemas.enable=true. The payload is a resource, its JSON as a string, or that as base64 (type `bytes`).",
        {"schema": {"type": "string", "optional": False}, "payload": json.dumps(REPORT)},
    ),
    Example(
        "A change event of Debezium",
        "With or without a schema. `after` holds the resource or its JSON; a deletion (`null`) announces nothing.",
        {"before": None, "after": json.dumps(REPORT), "op": "c", "ts_ms": 1795766400000},
    ),
)  # fmt: skip
_INTRODUCTION = """
Kafka is not part of FHIR, and every EHR or bridge wraps its events in its own way. The worker recognises these forms by their content; nothing
is configured. Envelopes may be nested. A record with a null value (a tombstone) is ignored.

Resources are R4, R4B or R5. A record that is none of these is dead-lettered:
"""
_REFUSED = (
    Reason.NOT_JSON,
    Reason.NOT_A_RESOURCE,
    Reason.UNSUPPORTED_ENVELOPE,
    Reason.UNSUPPORTED_RESOURCE_TYPE,
    Reason.NO_REPORT_IN_BUNDLE,
    Reason.NOTIFICATION_WITHOUT_FOCUS,
)


def envelopes_page() -> str:
    """Render the page."""
    parts = [
        head("Envelopes", "integration teams", "oncofhir/consumers/envelopes"),
        _INTRODUCTION.strip() + "\n",
        "\n".join(f"- `{reason.value}`: {reason.meaning}" for reason in _REFUSED) + "\n",
        "All examples announce the same report, DiagnosticReport/1, version 3.\n",
    ]
    for example in EXAMPLES:
        parts += [f"## {example.title}\n", f"{example.text}\n"]
        if example.headers:
            headers = (f"{name}: {value.decode()}" for name, value in example.headers)
            parts += ["Headers:\n", code("\n".join(headers))]
        is_text = isinstance(example.value, str)
        parts.append(code(example.value) if is_text else json_block(example.value))
    return "\n".join(parts)
