"""Access tokens of senders, against an issuer that publishes its keys on a real socket."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from tests.integration.ingest.bridge_harness import (
    SECRET,
    bridge_settings,
    put_path,
    report,
    running,
)
from tests.serving import served

pytestmark = pytest.mark.anyio

AUDIENCE = "https://bridge.example"
ISSUER = "https://issuer.example"


class Issuer:
    """Holds signing keys by their id, and counts how often its public keys are fetched."""

    def __init__(self):
        self.keys = {
            "k1": rsa.generate_private_key(65537, 2048),
            "k2": ec.generate_private_key(ec.SECP384R1()),
        }
        self.published = {"k1", "k2"}
        self.fetched = 0
        self.works = True

    def app(self):
        async def keys(_):
            self.fetched += 1
            if not self.works:
                return PlainTextResponse("no", 500)
            return JSONResponse({"keys": [self._public(kid) for kid in sorted(self.published)]})

        async def health(_):
            return JSONResponse({})

        return Starlette(routes=[Route("/jwks", keys), Route("/health", health)])

    def _public(self, kid):
        key = self.keys[kid].public_key()
        algorithm = jwt.algorithms.RSAAlgorithm if kid != "k2" else jwt.algorithms.ECAlgorithm
        return json.loads(algorithm.to_jwk(key)) | {
            "kid": kid,
            "use": "sig",
            "alg": self.algorithm(kid),
        }

    @staticmethod
    def algorithm(kid):
        return "ES384" if kid == "k2" else "RS256"

    def token(self, kid="k1", *, headers=None, **claims):
        given = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "exp": int(time.time()) + 300,
            "scope": "system/notify",
        } | claims
        given = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(
            given, self.keys[kid], self.algorithm(kid), headers={"kid": kid} | (headers or {})
        )


@pytest.fixture
def issuer():
    made = Issuer()
    with served(made.app()) as url:
        made.url = f"{url}/jwks"
        yield made


def with_tokens(settings, tmp_path, issuer, **more):
    given = {
        "secret_file": None,
        "oauth_issuer": ISSUER,
        "oauth_audience": AUDIENCE,
        "oauth_jwks_url": issuer.url,
        "oauth_scope": "system/notify",
    }
    return bridge_settings(settings, tmp_path, **(given | more))


async def status(client, token):
    headers = {"authorization": f"Bearer {token}"}
    answer = await client.put(put_path(report("r1")), json=report("r1"), headers=headers)
    assert token not in answer.text
    return answer.status_code


def tampered(token):
    head, body, signature = token.split(".")
    return ".".join((head, body[:-4] + ("AAAA" if body[-4:] != "AAAA" else "BBBB"), signature))


async def test_a_token_is_accepted_only_if_all_of_it_is_right(settings, tmp_path, issuer):
    past = int(time.time()) - 3_600
    none = jwt.encode(
        {"iss": ISSUER, "aud": AUDIENCE, "exp": past + 7_200, "scope": "system/notify"}, "", "none"
    )
    hmac = jwt.encode(
        {"iss": ISSUER, "aud": AUDIENCE, "exp": past + 7_200},
        "x" * 64,
        "HS256",
        headers={"kid": "k1"},
    )
    expected = {
        issuer.token(): 200,
        issuer.token("k2"): 200,
        issuer.token(aud=[AUDIENCE, "https://other"]): 200,
        issuer.token(scope=None, scp=["system/notify"]): 200,
        issuer.token(exp=past): 401,
        issuer.token(exp=None): 401,
        issuer.token(nbf=past + 7_200): 401,
        issuer.token(iss="https://other"): 401,
        issuer.token(aud="https://other"): 401,
        issuer.token(aud=None): 401,
        issuer.token(headers={"kid": "k2"}): 401,
        issuer.token(scope="system/read"): 403,
        issuer.token(scope=None): 403,
        tampered(issuer.token()): 401,
        none: 401,
        hmac: 401,
        "a.b.c": 401,
        "x" * 5_000: 401,
    }
    async with running(with_tokens(settings, tmp_path, issuer)) as (_, client):
        found = {token: await status(client, token) for token in expected}
    assert found == expected


async def test_a_new_key_is_fetched_and_unknown_ones_do_not_flood_the_issuer(
    settings, tmp_path, issuer, monkeypatch
):
    from oncofhir.ingest.http import access_tokens

    async with running(with_tokens(settings, tmp_path, issuer)) as (_, client):
        issuer.published = {"k1"}
        assert await status(client, issuer.token()) == 200
        for _ in range(5):
            assert await status(client, issuer.token(headers={"kid": "other"})) == 401
        assert issuer.fetched == 1
        issuer.published = {"k1", "k2"}
        monkeypatch.setattr(access_tokens, "_SHORTEST_REFRESH_SECONDS", 0.0)
        assert await status(client, issuer.token("k2")) == 200
        assert issuer.fetched == 2
        issuer.works = False
        assert await status(client, issuer.token(headers={"kid": "third"})) == 401, (
            "known keys still serve"
        )
        assert await status(client, issuer.token()) == 200


async def test_while_the_issuer_is_down_the_sender_is_to_repeat(settings, tmp_path, issuer):
    issuer.works = False
    async with running(with_tokens(settings, tmp_path, issuer)) as (_, client):
        assert await status(client, issuer.token()) == 503


async def test_either_way_is_enough(settings, tmp_path, issuer):
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    async with running(with_tokens(settings, tmp_path, issuer, secret_file=secret)) as (_, client):
        assert await status(client, SECRET) == 200
        assert await status(client, issuer.token()) == 200
        assert await status(client, "neither") == 401
