"""Creates, checks and deletes the Subscriptions of the bridge at a FHIR server. Idempotent."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from oncofhir.fhir.rest.client import FhirClient
from oncofhir.ingest.subscriptions.wanted import differences
from oncofhir.schemas.errors import UnreadableReport

_SUBSCRIPTION = "Subscription"
_REQUESTED, _ACTIVE = "requested", "active"
_POLL_SECONDS = 0.5


class Action(StrEnum):
    """What was done with a Subscription."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    CHECKED = "checked"
    DELETED = "deleted"
    ABSENT = "absent"


@dataclass(frozen=True)
class SubscriptionResult:
    """A Subscription after the command. `differences` are element paths; `reference` is None where absent."""

    name: str
    action: Action
    reference: str | None
    status: str | None = None
    differences: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether the server notifies as wanted."""
        return self.status == _ACTIVE and not self.differences


class Unsupported(Exception):
    """The server does not support the Subscriptions that are created here. The message says why."""


class Subscriber:
    """Acts on the Subscriptions at one server. `wanted` is the resource of `wanted_subscription`.

    Its id is used where the client may choose ids; else the Subscription is found by its endpoint.
    """

    def __init__(self, client: FhirClient, wait_seconds: float) -> None:
        self._client = client
        self._wait = wait_seconds

    async def check_support(self) -> None:
        """Check the server's CapabilityStatement.

        Raises:
            Unsupported: it declares no Subscription, or another release than R4 and R4B.
            DependencyUnavailable, AccessDenied: according to the response.
        """
        capability = await self._client.fetch_capability()
        if capability.fhir_version is not None and not capability.fhir_version.startswith("4."):
            raise Unsupported(f"the server has FHIR {capability.fhir_version}, not R4")
        if capability.types and _SUBSCRIPTION not in capability.types:
            raise Unsupported("the server's CapabilityStatement lists no Subscription")

    async def ensure(self, name: str, wanted: dict[str, Any]) -> SubscriptionResult:
        """Create the Subscription, update it where it differs, and wait for its activation.

        Raises:
            RequestRejected, DependencyUnavailable, AccessDenied: according to the response.
        """
        stored = await self._find(wanted)
        if stored is None:
            reference, action = await self._create(wanted), Action.CREATED
        else:
            reference = f"{_SUBSCRIPTION}/{stored['id']}"
            if stored.get("status") in {_ACTIVE, _REQUESTED} and not differences(wanted, stored):
                action = Action.UNCHANGED
            else:
                await self._client.update({**wanted, "id": stored["id"]})
                action = Action.UPDATED
        current = await self._activated(reference)
        return SubscriptionResult(
            name, action, reference, _status(current), _visible_differences(wanted, current)
        )

    async def check(self, name: str, wanted: dict[str, Any]) -> SubscriptionResult:
        """Return how the stored Subscription differs. Raises as `ensure`."""
        stored = await self._find(wanted)
        if stored is None:
            return SubscriptionResult(name, Action.ABSENT, None)
        return SubscriptionResult(
            name,
            Action.CHECKED,
            f"{_SUBSCRIPTION}/{stored['id']}",
            _status(stored),
            differences(wanted, stored),
        )

    async def delete(self, name: str, wanted: dict[str, Any]) -> SubscriptionResult:
        """Delete the Subscription if it exists. Raises as `ensure`."""
        stored = await self._find(wanted)
        if stored is None:
            return SubscriptionResult(name, Action.ABSENT, None)
        reference = f"{_SUBSCRIPTION}/{stored['id']}"
        await self._client.delete(reference)
        return SubscriptionResult(name, Action.DELETED, reference)

    async def _find(self, wanted: dict[str, Any]) -> dict[str, Any] | None:
        if "id" in wanted:
            try:
                return await self._client.read(_SUBSCRIPTION, wanted["id"])
            except UnreadableReport:
                pass
        endpoint = wanted["channel"]["endpoint"]
        found = await self._client.search(_SUBSCRIPTION, {"url": endpoint})
        return next((s for s in found if s.get("channel", {}).get("endpoint") == endpoint), None)

    async def _create(self, wanted: dict[str, Any]) -> str:
        capability = await self._client.capability()
        if "id" in wanted and capability.of(_SUBSCRIPTION).update_create:
            await self._client.update(wanted)
            return f"{_SUBSCRIPTION}/{wanted['id']}"
        without_id = {name: value for name, value in wanted.items() if name != "id"}
        condition = {"url": wanted["channel"]["endpoint"]}
        created = await self._client.create_by_post(without_id, condition, conditional=False)
        return f"{_SUBSCRIPTION}/{created['id']}"

    async def _activated(self, reference: str) -> dict[str, Any]:
        """Return the Subscription once the server has activated or refused it, or the time is over."""
        deadline = time.monotonic() + self._wait
        kind, _, ident = reference.partition("/")
        while True:
            current = await self._client.read(kind, ident)
            if _status(current) != _REQUESTED or time.monotonic() > deadline:
                return current
            await asyncio.sleep(_POLL_SECONDS)


def _visible_differences(wanted: dict[str, Any], stored: dict[str, Any]) -> tuple[str, ...]:
    """After a write a header that the server does not show is no difference."""
    channel = stored.get("channel")
    hides = isinstance(channel, dict) and "header" not in channel
    found: Sequence[str] = differences(wanted, stored)
    return tuple(path for path in found if not (hides and path == "channel.header"))


def _status(subscription: dict[str, Any]) -> str | None:
    status = subscription.get("status")
    return status if isinstance(status, str) else None
