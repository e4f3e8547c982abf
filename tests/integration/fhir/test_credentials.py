"""Credentials at real servers over TLS: SMART Backend Services, bearer files, client certificates."""

import asyncio
import ssl
import time

import jwt
import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from oncofhir.consumers.composition.fhir_server import build_authorization, tls
from oncofhir.fhir.rest.bounded_fetch import Bounds, FetchPolicy
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable, UnreadableReport
from oncofhir.settings import FhirCredentials, SettingsError
from tests.integration.fhir.smart import CLIENT, SmartServer, tls_served
from tests.serving import served

ANYWHERE = FetchPolicy(Bounds(), allows=lambda _: True)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def keys():
    return {
        "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ec": ec.generate_private_key(ec.SECP384R1()),
    }


@pytest.fixture
def server(authority, keys):
    smart = SmartServer({name: key.public_key() for name, key in keys.items()})
    with tls_served(smart.app, authority.issue_cert("localhost")) as url:
        smart.url = url
        yield smart


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def credentials(tmp_path, authority, keys):
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca)

    def of(kind="rsa", **more):
        file = tmp_path / f"{kind}.pem"
        file.write_bytes(pem(keys[kind]))
        named = {"client_id": CLIENT, "private_key_file": file, "key_id": kind, "ca_file": ca}
        return FhirCredentials(**(named | {"scopes": "system/*.rs"} | more))

    return of


def client_of(base, credentials, clock=time.time, **more):
    authorized = build_authorization(base, credentials, 5.0, clock)
    return FhirClient(base, authorization=authorized, tls=tls(credentials), **more)


def asked(base, credentials, use=None, **more):
    async def run():
        client = client_of(base, credentials, **more)
        try:
            return await (use(client) if use else client.read("Patient", "x"))
        finally:
            await client.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_signed_assertion_gets_a_token(server, credentials, kind):
    assert asked(f"{server.url}/fhir", credentials(kind))["id"] == "x"
    assert server.refusals == []


def test_a_configured_token_endpoint_is_not_discovered(server, credentials):
    server.configuration = {"token_endpoint": "https://localhost:1/elsewhere"}
    named = credentials(token_url=f"{server.url}/token")
    assert asked(f"{server.url}/fhir", named)["id"] == "x"


def test_a_jwk_names_its_own_key(server, credentials, tmp_path, keys):
    file = tmp_path / "key.jwk"
    described = jwt.algorithms.ECAlgorithm.to_jwk(keys["ec"], as_dict=True) | {"kid": "ec"}
    file.write_text(__import__("json").dumps(described))
    named = credentials("ec", private_key_file=file, key_id=None)
    assert asked(f"{server.url}/fhir", named)["id"] == "x"


def test_many_requests_at_once_share_one_token(server, credentials):
    async def many(client):
        return await asyncio.gather(*(client.read("Patient", "x") for _ in range(20)))

    assert len(asked(f"{server.url}/fhir", credentials(), many)) == 20
    assert len(server.issued) == 1


def test_a_token_is_renewed_before_it_ends(server, credentials):
    passed = [0.0]
    server.life = 100  # renewed after 80 s

    async def later(client):
        await client.read("Patient", "x")
        passed.append(81.0)
        await client.read("Patient", "x")

    # within what the server takes of an assertion, before and after
    clock = lambda: time.time() - 100 + passed[-1]  # noqa: E731
    asked(f"{server.url}/fhir", credentials(), later, clock=clock)
    assert len(server.issued) == 2
    assert len(server.seen_jti) == 2


def test_a_token_that_still_lasts_outlives_an_outage_of_the_token_endpoint(server, credentials):
    passed = [0.0]
    server.life = 100  # renewed after 80 s

    async def later(client):
        await client.read("Patient", "x")
        passed.append(81.0)
        server.token_statuses = [503] * 3
        await client.read("Patient", "x")

    asked(f"{server.url}/fhir", credentials(), later, clock=lambda: time.time() + passed[-1])
    assert len(server.token_statuses) == 2
    assert len(server.issued) == 1


def test_a_revoked_token_is_replaced_once(server, credentials):
    async def revoked(client):
        await client.read("Patient", "x")
        server.revoked = set(server.issued)
        await client.read("Patient", "x")

    asked(f"{server.url}/fhir", credentials(), revoked)
    assert len(server.issued) == 2
    assert len(server.requests) == 3


def test_a_server_that_refuses_every_token_halts(server, credentials):
    async def refused(client):
        await client.read("Patient", "x")
        server.revoked = {f"t{n}-secret" for n in range(9)}
        with pytest.raises(AccessDenied):
            await client.read("Patient", "x")

    asked(f"{server.url}/fhir", credentials(), refused)
    assert len(server.issued) == 2


def test_a_client_that_is_not_registered_halts_and_nothing_secret_is_said(server, credentials):
    server.keys = {}
    with pytest.raises(AccessDenied) as raised:
        asked(f"{server.url}/fhir", credentials())
    assert "invalid_client" in str(raised.value)
    assert "eyJ" not in str(raised.value)
    assert "header" not in str(raised.value)  # the server's own words


def test_a_token_endpoint_that_is_busy_is_asked_again(server, credentials):
    server.token_statuses = [429, 503]
    assert asked(f"{server.url}/fhir", credentials())["id"] == "x"


def test_a_token_endpoint_that_stays_down_is_an_outage(server, credentials):
    server.token_statuses = [503] * 9
    with pytest.raises(DependencyUnavailable):
        asked(f"{server.url}/fhir", credentials(), read_attempts=1)


def test_an_algorithm_that_the_server_does_not_take_is_said(server, credentials):
    server.configuration = {"token_endpoint_auth_signing_alg_values_supported": ["ES384"]}
    with pytest.raises(AccessDenied, match="RS384"):
        asked(f"{server.url}/fhir", credentials())


def test_another_audience_is_a_setting(server, credentials):
    server.audience = "https://idp.example.org/realms/hospital"
    with pytest.raises(AccessDenied):
        asked(f"{server.url}/fhir", credentials())
    named = credentials(token_audience=server.audience)
    assert asked(f"{server.url}/fhir", named)["id"] == "x"


@pytest.mark.parametrize("kind", ["Bearer", "BEARER", "bearer", None])
def test_the_type_of_a_token_is_read_in_any_case(server, credentials, kind):
    server.answer = {"token_type": kind} if kind else {"token_type": ...}
    assert asked(f"{server.url}/fhir", credentials())["id"] == "x"


@pytest.mark.parametrize(
    "answer",
    [
        {"token_type": "mac"},
        {"token_type": 7},
        {"access_token": ...},
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": "t\u00e9"},
        {"access_token": "a\r\nx: y"},
    ],
)
def test_an_answer_that_never_fits_halts_and_is_no_outage(server, credentials, answer):
    server.answer = answer
    with pytest.raises(AccessDenied) as raised:
        asked(f"{server.url}/fhir", credentials())
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("status", [404, 405])
def test_an_address_that_is_no_token_endpoint_halts_with_its_remedy(server, credentials, status):
    server.token_statuses = [status]
    with pytest.raises(AccessDenied, match="ONCOFHIR_FHIR__TOKEN_URL"):
        asked(f"{server.url}/fhir", credentials())


@pytest.mark.parametrize("life", ["Infinity", "1e400", -5, "x", None, 1e300])
def test_a_lifetime_that_makes_no_sense_is_not_believed(server, credentials, life):
    server.life = life

    async def twice(client):
        await client.read("Patient", "x")
        await client.read("Patient", "x")

    later = [time.time() - 200]  # within what the server takes of an assertion, before and after

    async def much_later(client):
        await twice(client)
        later[0] += 250
        await client.read("Patient", "x")

    asked(f"{server.url}/fhir", credentials(), much_later, clock=lambda: later[0])
    assert len(server.issued) == 2


def test_a_token_response_without_end_is_an_outage(server, credentials):
    server.answer = {"padding": "x" * 300_000}
    with pytest.raises(DependencyUnavailable, match="more than"):
        asked(f"{server.url}/fhir", credentials(), read_attempts=1)


def test_a_token_endpoint_without_tls_is_refused(server, credentials):
    server.configuration = {"token_endpoint": "http://localhost:9/token"}
    with pytest.raises(AccessDenied, match="not https"):
        asked(f"{server.url}/fhir", credentials())


def test_an_unknown_authority_is_an_outage_that_says_so(server, credentials, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    with pytest.raises(DependencyUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        asked(f"{server.url}/fhir", credentials(ca_file=other), read_attempts=1)


def test_a_token_goes_to_no_other_origin(server, credentials):
    heard = []

    async def elsewhere(request):
        heard.append(request.headers.get("authorization"))
        return JSONResponse({}, 403)

    async def attachment(client):
        await client.read("Patient", "x")
        with pytest.raises(UnreadableReport):
            await client.read_binary(f"{url}/Binary/1", "text/plain", ANYWHERE)
        # the same host and port without TLS is another origin too
        with pytest.raises(DependencyUnavailable):
            await client.read_binary(
                server.url.replace("https", "http") + "/fhir/Binary/1", "a/b", ANYWHERE
            )

    routes = [Route("/health", lambda _: JSONResponse({})), Route("/Binary/1", elsewhere)]
    with served(Starlette(routes=routes)) as url:
        asked(f"{server.url}/fhir", credentials(), attachment, read_attempts=1)
    assert heard == [None]


def test_a_bearer_file_is_read_again_when_it_changes(server, credentials, tmp_path):
    file = tmp_path / "token"
    file.write_text("old")
    server.issued = ["old", "newer"]
    named = credentials(client_id=None, private_key_file=None, key_id=None, token_file=file)

    async def rotated(client):
        await client.read("Patient", "x")
        server.issued = ["newer"]
        file.write_text("newer\n")
        await client.read("Patient", "x")

    asked(f"{server.url}/fhir", named, rotated)


@pytest.fixture
def client_certificate(authority, tmp_path):
    issued = authority.issue_cert("oncofhir.client")
    file = tmp_path / "client.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(file)
    return file


def patient(_):
    return JSONResponse({"resourceType": "Patient", "id": "x"})


def test_a_client_certificate_is_shown_to_its_own_server_only(
    authority, credentials, client_certificate
):
    app = Starlette(routes=[Route("/fhir/Patient/x", patient), Route("/Binary/1", patient)])
    anonymous = {"client_id": None, "private_key_file": None, "key_id": None}
    certificate = authority.issue_cert("localhost")
    with (
        tls_served(app, certificate, clients=authority) as own,
        tls_served(app, certificate, clients=authority) as other,
    ):
        named = credentials(**anonymous, cert_file=client_certificate)
        assert asked(f"{own}/fhir", named)["id"] == "x"

        async def elsewhere(client):
            with pytest.raises(DependencyUnavailable):
                await client.read_binary(f"{other}/Binary/1", "text/plain", ANYWHERE)

        asked(f"{own}/fhir", named, elsewhere, read_attempts=1)
        with pytest.raises(DependencyUnavailable):
            asked(f"{own}/fhir", credentials(**anonymous), read_attempts=1)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("nonsense", "PEM or JWK"),
        (pem(ec.generate_private_key(ec.SECP256R1())).decode(), "P-384"),
        ('{"kty": "RSA"}', "PEM or JWK"),
    ],
)
def test_a_key_that_cannot_sign_is_a_mistake_in_the_settings(tmp_path, kind, said):
    file = tmp_path / "key"
    file.write_text(kind)
    named = FhirCredentials(client_id="x", private_key_file=file)
    with pytest.raises(SettingsError, match=said) as raised:
        build_authorization("https://fhir.example/fhir", named, 1.0)
    assert "BEGIN" not in str(raised.value)


def test_a_certificate_that_is_none_is_a_mistake_in_the_settings(tmp_path):
    file = tmp_path / "cert"
    file.write_text("nonsense")
    with pytest.raises(SettingsError, match="client certificate"):
        tls(FhirCredentials(cert_file=file))
    with pytest.raises(SettingsError, match="CA file"):
        tls(FhirCredentials(ca_file=file))
    with pytest.raises(SettingsError, match="No such file"):
        tls(FhirCredentials(ca_file=tmp_path / "none"))


def test_the_contexts_verify(credentials):
    contexts = tls(credentials())
    assert contexts.own.verify_mode is ssl.CERT_REQUIRED
    assert contexts.elsewhere.check_hostname
