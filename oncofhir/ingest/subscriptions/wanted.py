"""The Subscription that makes a FHIR server notify the bridge.

R4 rest-hook: http://hl7.org/fhir/R4/subscription.html. With a topic, R4 backport:
http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription.html.
"""

from collections.abc import Mapping
from typing import Any

_BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
_SUBSCRIPTION_PROFILE = f"{_BACKPORT}backport-subscription"
_FILTER = f"{_BACKPORT}backport-filter-criteria"
_CONTENT = f"{_BACKPORT}backport-payload-content"
_HEARTBEAT = f"{_BACKPORT}backport-heartbeat-period"
# HAPI FHIR sends deletions only where this extension asks for them; other servers ignore it.
_SEND_DELETES = "http://hapifhir.io/fhir/StructureDefinition/subscription-send-delete-messages"
_HEARTBEAT_SECONDS = 60
_JSON = "application/fhir+json"


def wanted_subscription(
    ident: str | None,
    *,
    criteria: str,
    endpoint: str,
    header: str | None,
    topic: str | None,
    payload: bool,
) -> dict[str, Any]:
    """Return the Subscription, to be activated. `header` is a whole line: `Name: value`.

    `criteria` is a search such as `DiagnosticReport?category=PAT`; with `topic` it filters the topic.
    Without `payload` a notification carries no resource.
    """
    channel: dict[str, Any] = {"type": "rest-hook", "endpoint": endpoint}
    subscription: dict[str, Any] = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "oncofhir reads cancer reports",
        "criteria": topic or criteria,
        "channel": channel,
    }
    if ident is not None:
        subscription["id"] = ident
    if payload or topic is not None:
        channel["payload"] = _JSON
    if header is not None:
        channel["header"] = [header]
    if topic is None:
        subscription["extension"] = [{"url": _SEND_DELETES, "valueBoolean": True}]
        return subscription
    subscription["meta"] = {"profile": [_SUBSCRIPTION_PROFILE]}
    subscription["_criteria"] = {"extension": [{"url": _FILTER, "valueString": criteria}]}
    content = "full-resource" if payload else "id-only"
    channel["_payload"] = {"extension": [{"url": _CONTENT, "valueCode": content}]}
    channel["extension"] = [{"url": _HEARTBEAT, "valueUnsignedInt": _HEARTBEAT_SECONDS}]
    return subscription


def differences(wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of the elements that decide what is sent where, and differ.

    A server may hide `channel.header`, which holds a secret: an absent one counts as different.
    """
    mine, theirs = wanted["channel"], stored.get("channel")
    theirs = theirs if isinstance(theirs, Mapping) else {}
    pairs = [
        ("criteria", wanted["criteria"], stored.get("criteria")),
        ("criteria.extension", _extension(wanted, "_criteria"), _extension(stored, "_criteria")),
        *((f"channel.{name}", mine.get(name), theirs.get(name)) for name in _CHANNEL),
        ("channel.payload.extension", _extension(mine, "_payload"), _extension(theirs, "_payload")),
    ]
    return tuple(path for path, own, found in pairs if own != found)


_CHANNEL = ("type", "endpoint", "payload", "header")


def _extension(element: Mapping[str, Any], primitive: str) -> Any:
    sibling = element.get(primitive)
    return sibling.get("extension") if isinstance(sibling, Mapping) else None
