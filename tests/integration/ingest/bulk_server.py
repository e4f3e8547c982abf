"""A Bulk Data server with a script: what the IG allows, and what it does not forbid.

Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html. It answers as HAPI FHIR 8.4 was seen to
(tests/hapi_fhir/test_bulk_export.py): 202 with Content-Location, polls with X-Progress and Retry-After.
"""

import json
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

TOKEN = "secret-of-the-export"
_NDJSON = "application/fhir+ndjson"


def outcome(code, severity="error", text="Zebulon-Quillfeather-4711"):
    issue = {"severity": severity, "code": code, "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


@dataclass
class BulkServer:
    """Exports `files`: type → lists of lines, one list a file.

    Args:
        polls: answers of 202 before an export is finished.
        kick_offs: statuses of the first kick-offs, before they are accepted.
        statuses: answers (status, body) of the first polls.
        expires_after: downloads of an export after which it is forgotten, for the first `expiries` exports.
        requires_token: whether files need the token; else they must come without one.
        short: files that are cut off this often.
        downloads: statuses of the first downloads.
        files_url: the server that has the files, if it is another one. `files_asked` are the requests for
            files: the server's address, and whether they had the token.
    """

    files: dict
    polls: int = 1
    kick_offs: list = field(default_factory=list)
    statuses: list = field(default_factory=list)
    expires_after: int | None = None
    expiries: int = 1
    requires_token: bool = True
    errors: list = field(default_factory=list)
    deleted_lines: list = field(default_factory=list)
    short: int = 0
    downloads: list = field(default_factory=list)
    counts: bool = True
    requests: list = field(default_factory=list)
    removed: list = field(default_factory=list)
    jobs: dict = field(default_factory=dict)
    violations: list = field(default_factory=list)
    files_url: str | None = None
    files_asked: list = field(default_factory=list)

    def app(self):
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/fhir/$export", self.kick_off),
                Route("/fhir/Group/{group}/$export", self.kick_off),
                Route("/fhir/status/{job:int}", self.status, methods=["GET"]),
                Route("/fhir/status/{job:int}", self.remove, methods=["DELETE"]),
                Route("/files/{job:int}/{name}", self.file),
            ]
        )

    async def health(self, request):
        return PlainTextResponse("ok")

    def _authorized(self, request):
        return request.headers.get("authorization") == f"Bearer {TOKEN}"

    async def kick_off(self, request):
        self.requests.append(f"{request.url.path}?{request.url.query}")
        if not self._authorized(request):
            return JSONResponse(outcome("login"), 401)
        if request.headers.get("prefer") != "respond-async":
            self.violations.append("no Prefer: respond-async")
        if request.headers.get("accept") != "application/fhir+json":
            self.violations.append("kick-off accepts something else")
        if self.kick_offs:
            status = self.kick_offs.pop(0)
            return JSONResponse(outcome("processing"), status, headers={"retry-after": "1"})
        job = len(self.jobs) + 1
        self.jobs[job] = {"polls": 0, "downloads": 0}
        return Response(status_code=202, headers={"content-location": f"status/{job}"})

    def _is_forgotten(self, job):
        limit = self.expires_after
        return job not in self.jobs or (
            limit is not None and job <= self.expiries and self.jobs[job]["downloads"] >= limit
        )

    async def status(self, request):
        job = request.path_params["job"]
        if not self._authorized(request):
            return JSONResponse(outcome("login"), 401)
        if self._is_forgotten(job):
            return JSONResponse(outcome("not-found"), 404)
        if self.statuses:
            status, body = self.statuses.pop(0)
            return JSONResponse(body, status)
        self.jobs[job]["polls"] += 1
        if self.jobs[job]["polls"] <= self.polls:
            progress = {"x-progress": "50% of Zebulon-Quillfeather-4711", "retry-after": "1"}
            return Response(status_code=202, headers=progress)
        base = f"{self.files_url or str(request.base_url).rstrip('/')}/files/{job}"
        output = [
            {"type": kind, "url": f"{base}/{kind}-{number}", **self._count(lines)}
            for kind, files in self.files.items()
            for number, lines in enumerate(files)
        ]
        named = {"errors": self.errors, "deleted": self.deleted_lines}
        manifest = {
            "transactionTime": "2026-11-20T10:00:00Z",
            "request": str(request.url),
            "requiresAccessToken": self.requires_token,
            "output": output,
            "error": [{"type": "OperationOutcome", "url": f"{base}/errors"}] if self.errors else [],
        }
        if named["deleted"]:
            manifest["deleted"] = [{"type": "Bundle", "url": f"{base}/deleted"}]
        return JSONResponse(manifest)

    def _count(self, lines):
        return {"count": len(lines)} if self.counts else {}

    async def file(self, request):
        job, name = request.path_params["job"], request.path_params["name"]
        self.files_asked.append((str(request.base_url).rstrip("/"), self._authorized(request)))
        if self._is_forgotten(job):
            return JSONResponse(outcome("not-found"), 404)
        if self.requires_token and not self._authorized(request):
            return JSONResponse(outcome("login"), 401)
        if not self.requires_token and "authorization" in request.headers:
            self.violations.append("a token for a file that wants none")
        if self.downloads:
            return JSONResponse(outcome("throttled"), self.downloads.pop(0))
        self.jobs[job]["downloads"] += 1
        if name in ("errors", "deleted"):
            lines = self.errors if name == "errors" else self.deleted_lines
        else:
            kind, _, number = name.partition("-")
            lines = self.files[kind][int(number)]
        if self.short and name not in ("errors", "deleted"):
            self.short -= 1
            lines = lines[:-1]
        return Response(b"\n".join(lines) + b"\n", media_type=_NDJSON)

    async def remove(self, request):
        self.removed.append(request.path_params["job"])
        return Response(status_code=202)


def line(resource):
    return json.dumps(resource).encode()
