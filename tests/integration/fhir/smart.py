"""A FHIR server behind TLS with a SMART token endpoint that checks what the specification says."""

import ssl
import threading
import time
from contextlib import contextmanager
from urllib.parse import parse_qs

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from oncofhir.demo.process import free_port

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLIENT = "oncofhir-test"


class SmartServer:
    """`keys` are the registered public keys by id. What was asked stays in `tokens` and `requests`."""

    def __init__(self, keys, *, life=300):
        self.keys = keys
        self.life = life
        self.url = ""
        self.seen_jti = set()
        self.issued = []
        self.revoked = set()
        self.requests = []
        self.refusals = []
        self.token_statuses = []
        self.peers = []
        self.configuration = {}
        self.audience = None
        self.answer = {}  # beside, or in place of (`...`: without), what a token response has

    @property
    def app(self):
        return Starlette(
            routes=[
                Route("/fhir/.well-known/smart-configuration", self._smart),
                Route("/token", self._token, methods=["POST"]),
                Route("/fhir/{path:path}", self._fhir),
            ]
        )

    async def _smart(self, request: Request):
        assert "authorization" not in request.headers
        named = {"token_endpoint": f"{self.url}/token", **self.configuration}
        return JSONResponse(named)

    async def _token(self, request: Request):
        if self.token_statuses:
            return JSONResponse({}, self.token_statuses.pop(0), headers={"retry-after": "0"})
        form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        refused = self._refused(form)
        if refused:
            self.refusals.append(refused)
            return JSONResponse({"error": "invalid_client", "error_description": refused}, 400)
        token = f"t{len(self.issued)}-secret"
        self.issued.append(token)
        answer = {"access_token": token, "token_type": "bearer", "expires_in": self.life}
        answer |= self.answer
        return JSONResponse({name: value for name, value in answer.items() if value is not ...})

    def _refused(self, form):
        if (form.get("grant_type"), form.get("client_assertion_type")) != (
            "client_credentials",
            ASSERTION_TYPE,
        ):
            return "grant"
        said = form["client_assertion"]
        header = jwt.get_unverified_header(said)
        if header["alg"] not in {"RS384", "ES384"} or header["kid"] not in self.keys:
            return "header"
        try:
            claims = jwt.decode(
                said,
                self.keys[header["kid"]],
                algorithms=[header["alg"]],
                audience=self.audience or f"{self.url}/token",
                issuer=CLIENT,
                options={"require": ["iss", "sub", "aud", "exp", "jti"], "verify_iat": False},
            )
        except jwt.PyJWTError as error:
            return type(error).__name__
        if claims["sub"] != CLIENT or claims["exp"] > time.time() + 300:
            return "claims"
        if claims["jti"] in self.seen_jti:
            return "replayed"
        self.seen_jti.add(claims["jti"])
        return None

    async def _fhir(self, request: Request):
        self.requests.append(request)
        said = request.headers.get("authorization", "")
        token = said.removeprefix("Bearer ")
        if token not in self.issued or token in self.revoked:
            return JSONResponse({"resourceType": "OperationOutcome"}, 401)
        return JSONResponse({"resourceType": "Patient", "id": "x"})


@contextmanager
def tls_served(app, certificate, *, clients=None):
    """The application over TLS; with `clients`, an authority whose certificates callers must show."""
    port = free_port()
    config = uvicorn.Config(app, port=port, log_config=None, access_log=False)
    config.load()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if clients is not None:
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    config.ssl = context
    config.is_ssl  # noqa: B018
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"https://localhost:{port}"
    finally:
        server.should_exit = True
        thread.join()
