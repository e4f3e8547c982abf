"""A FHIR server with the operations of R4 backport Subscriptions, on a real socket: it counts and lists events."""

import contextlib
import json
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.serving import served


class SubscriptionServer:
    """Holds reports; each new version is an event of Subscription/ID, numbered from 1."""

    def __init__(
        self,
        ident="oncofhir-reports",
        *,
        operations=True,
        criteria="DiagnosticReport?",
        exists=True,
    ):
        self.ident = ident
        self.operations = operations
        self.criteria = criteria
        self.exists = exists
        self.events = []
        self.reports = {}
        self.requests = []

    def store(self, report, later=timedelta(0)):
        """Store a report, as if it was that much later; return the number of its event."""
        version = str(len([e for e in self.events if e["id"] == report["id"]]) + 1)
        meta = {"versionId": version, "lastUpdated": (datetime.now(UTC) + later).isoformat()}
        stored = report | {"meta": meta}
        self.reports[report["id"]] = stored
        self.events.append(stored)
        return len(self.events)

    def notification(
        self, *numbers, kind="event-notification", content="id-only", subscription=None
    ):
        """The Bundle that the server sends for events."""
        base = "https://ehr.example/fhir"
        entries = [
            {
                "fullUrl": "urn:uuid:0d0b7f3c-1c4d-4cb5-8d4d-3a3c1c1c1c1c",
                "resource": self.status(kind, numbers, content, subscription),
            }
        ]
        for number in numbers if content != "empty" else ():
            report = self.events[number - 1]
            entry = {
                "fullUrl": f"{base}/DiagnosticReport/{report['id']}",
                "request": {"method": "PUT", "url": f"DiagnosticReport/{report['id']}"},
                "response": {"status": "200"},
            }
            entries.append(entry | ({"resource": report} if content == "full-resource" else {}))
        return {"resourceType": "Bundle", "type": "history", "entry": entries}

    def status(self, kind, numbers=(), content="id-only", subscription=None):
        parameters = [
            {
                "name": "subscription",
                "valueReference": {"reference": subscription or f"Subscription/{self.ident}"},
            },
            {"name": "status", "valueCode": "active"},
            {"name": "type", "valueCode": kind},
            {"name": "events-since-subscription-start", "valueString": str(len(self.events))},
        ]
        for number in numbers:
            part = [{"name": "event-number", "valueString": str(number)}]
            if content != "empty":
                focus = f"https://ehr.example/fhir/DiagnosticReport/{self.events[number - 1]['id']}"
                part.append({"name": "focus", "valueReference": {"reference": focus}})
            parameters.append({"name": "notification-event", "part": part})
        profile = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"
        return {
            "resourceType": "Parameters",
            "meta": {"profile": [profile]},
            "parameter": parameters,
        }

    def app(self):
        def answer(body, status=200):
            return JSONResponse(body, status, media_type="application/fhir+json")

        async def status(request):
            self.requests.append(str(request.url).partition("/fhir/")[2])
            if not self.operations:
                return answer({"resourceType": "OperationOutcome", "issue": []}, 404)
            return answer(bundle("searchset", [{"resource": self.status("query-status")}]))

        async def events(request):
            self.requests.append(str(request.url).partition("/fhir/")[2])
            if not self.operations:
                return answer({"resourceType": "OperationOutcome", "issue": []}, 404)
            first, last = (
                int(request.query_params[f"events{word}Number"]) for word in ("Since", "Until")
            )
            return answer(
                self.notification(
                    *range(first, min(last, len(self.events)) + 1), kind="query-event"
                )
            )

        async def subscription(request):
            if not self.exists:
                return answer({"resourceType": "OperationOutcome", "issue": []}, 404)
            return answer(
                {"resourceType": "Subscription", "id": self.ident, "criteria": self.criteria}
            )

        async def search(request):
            self.requests.append(str(request.url).partition("/fhir/")[2])
            since = datetime.fromisoformat(request.query_params["_lastUpdated"].removeprefix("ge"))
            found = [
                r
                for r in self.reports.values()
                if datetime.fromisoformat(r["meta"]["lastUpdated"]) >= since
            ]
            return answer(
                bundle("searchset", [{"resource": r, "search": {"mode": "match"}} for r in found])
            )

        async def health(request):
            return JSONResponse({})

        return Starlette(
            routes=[
                Route("/health", health),
                Route(f"/fhir/Subscription/{self.ident}/$status", status),
                Route(f"/fhir/Subscription/{self.ident}/$events", events),
                Route(f"/fhir/Subscription/{self.ident}", subscription),
                Route("/fhir/DiagnosticReport", search),
            ]
        )

    @contextlib.contextmanager
    def serving(self):
        with served(self.app()) as url:
            yield f"{url}/fhir"


def bundle(kind, entries):
    return json.loads(
        json.dumps(
            {"resourceType": "Bundle", "type": kind, "total": len(entries), "entry": entries}
        )
    )
