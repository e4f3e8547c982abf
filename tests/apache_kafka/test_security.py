"""TLS, mTLS and every SASL mechanism, against listeners that demand them."""

import asyncio
import time

import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.consumers.worker import Worker
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable
from oncofhir.settings import KafkaSettings, SettingsError
from tests.apache_kafka.broker import ApacheKafka, Listener
from tests.apache_kafka.certificates import Certificates
from tests.apache_kafka.token_endpoint import CLIENT, SECRET, TokenEndpoint
from tests.integration.consumers.worker_harness import (
    InstantProcessor,
    committed,
    message,
    publish,
    report,
    running,
    settings_for,
)
from tests.waiting import until

pytestmark = pytest.mark.anyio

USER, PASSWORD = "alice", "the-password"
_LOGIN = "org.apache.kafka.common.security"
_TOKENS = f"{_LOGIN}.oauthbearer"


def listeners(certificates):
    tls = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates.server),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates.ca),
    }
    passwords = {
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "plain.sasl.jaas.config": f'{_LOGIN}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
        "scram-sha-256.sasl.jaas.config": f"{_LOGIN}.scram.ScramLoginModule required;",
        "scram-sha-512.sasl.jaas.config": f"{_LOGIN}.scram.ScramLoginModule required;",
    }
    tokens = {
        "sasl.enabled.mechanisms": "OAUTHBEARER",
        "oauthbearer.sasl.jaas.config": f'{_TOKENS}.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
        "oauthbearer.sasl.server.callback.handler.class": f"{_TOKENS}.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler",
        "oauthbearer.connections.max.reauth.ms": "60000",
    }
    return [
        Listener("TLS", "SSL", tls),
        Listener("MTLS", "SSL", tls | {"ssl.client.auth": "required"}),
        Listener("SECRET", "SASL_SSL", tls | passwords),
        Listener("CLEAR", "SASL_PLAINTEXT", passwords),
        Listener("TOKEN", "SASL_SSL", tls | tokens),
    ]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def broker(certificates):
    with ApacheKafka(listeners=listeners(certificates), scram={USER: PASSWORD}) as running_broker:
        yield running_broker


@pytest.fixture
def secret(tmp_path):
    def write(content):
        file = tmp_path / "secret"
        file.write_text(content)
        return file

    return write


@pytest.fixture
def endpoint(certificates):
    with TokenEndpoint(certificates.server) as running_endpoint:
        yield running_endpoint


def at(broker, listener, **kafka):
    protocol = {"TLS": "SSL", "MTLS": "SSL", "CLEAR": "SASL_PLAINTEXT"}.get(listener, "SASL_SSL")
    return settings_for(broker.address_of(listener), security_protocol=protocol, **kafka)


def with_token(broker, certificates, endpoint, secret_file, **kafka):
    return at(
        broker,
        "TOKEN",
        **{
            "ssl_ca_file": certificates.ca,
            "sasl_mechanism": "OAUTHBEARER",
            "sasl_oauth_url": endpoint.url,
            "sasl_oauth_client_id": CLIENT,
            "sasl_oauth_client_secret_file": secret_file,
            "sasl_oauth_ca_file": certificates.ca,
        }
        | kafka,
    )


async def prove(settings):
    """Admin client, producer and consumer all work with these settings."""
    await asyncio.to_thread(ensure_topics, settings.kafka)
    await publish(settings, [message(settings, report(f"r{n}")) for n in range(5)])
    processor = InstantProcessor()
    async with running(settings, processor):
        await until(lambda: len(processor.events) == 5)


async def refused(settings):
    """How a worker ends that is refused; within seconds, saying no secret."""
    started = time.monotonic()
    with pytest.raises(AccessDenied) as caught:
        await asyncio.wait_for(Worker(settings, InstantProcessor()).run(), 60)
    assert time.monotonic() - started < 30
    assert PASSWORD not in str(caught.value)
    assert SECRET not in str(caught.value)
    return str(caught.value)


async def test_tls(broker, certificates):
    await prove(at(broker, "TLS", ssl_ca_file=certificates.ca))


async def test_mutual_tls(broker, certificates):
    client = certificates.client
    await prove(
        at(
            broker,
            "MTLS",
            ssl_ca_file=certificates.ca,
            ssl_certificate_file=client,
            ssl_key_file=client,
        )
    )


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("listener", ["SECRET", "CLEAR"])
async def test_passwords(broker, certificates, secret, listener, mechanism):
    await prove(
        at(
            broker,
            listener,
            ssl_ca_file=certificates.ca,
            sasl_mechanism=mechanism,
            sasl_username=USER,
            sasl_password_file=secret(PASSWORD),
        )
    )


async def test_a_certificate_of_another_authority_is_refused(broker, certificates):
    said = await refused(at(broker, "TLS", ssl_ca_file=certificates.other_ca))
    assert "ONCOFHIR_KAFKA__SSL_CA_FILE" in said


async def test_a_missing_client_certificate_is_said(broker, certificates):
    said = await refused(at(broker, "MTLS", ssl_ca_file=certificates.ca))
    assert "ONCOFHIR_KAFKA__SSL_CERTIFICATE_FILE" in said


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_wrong_password_is_refused(broker, certificates, secret, mechanism):
    said = await refused(
        at(
            broker,
            "SECRET",
            ssl_ca_file=certificates.ca,
            sasl_mechanism=mechanism,
            sasl_username=USER,
            sasl_password_file=secret("wrong"),
        )
    )
    assert "_PASSWORD_FILE" in said


async def test_tokens(broker, certificates, endpoint, secret):
    settings = with_token(broker, certificates, endpoint, secret(SECRET), sasl_oauth_scope="kafka")
    await prove(settings)
    assert endpoint.forms[0] == "grant_type=client_credentials&scope=kafka"


async def test_a_token_is_renewed_while_the_worker_runs(broker, certificates, endpoint, secret):
    endpoint.seconds = 4
    settings = with_token(broker, certificates, endpoint, secret(SECRET))
    await asyncio.to_thread(ensure_topics, settings.kafka)
    processor = InstantProcessor()
    async with running(settings, processor) as worker:
        await until(lambda: worker.status.joined)
        asked = endpoint.asked
        for n in range(5):
            await publish(settings, [message(settings, report(f"r{n}"))])
            await until(lambda n=n: len(processor.events) == n + 1)
            await asyncio.sleep(2.0)
        assert endpoint.asked > asked + 2
    # the same group, asked in the clear
    plain = settings.kafka.model_copy(update={"bootstrap_servers": broker.address})
    assert committed(settings.model_copy(update={"kafka": plain})) == 5


async def test_a_client_the_token_endpoint_refuses(broker, certificates, endpoint, secret):
    said = await refused(with_token(broker, certificates, endpoint, secret("wrong")))
    assert "ONCOFHIR_KAFKA__SASL_OAUTH" in said


async def test_a_token_endpoint_that_is_down_is_unavailable(broker, certificates, endpoint, secret):
    endpoint.status = 503
    settings = with_token(broker, certificates, endpoint, secret(SECRET))
    with pytest.raises(DependencyUnavailable):
        await asyncio.to_thread(ensure_topics, settings.kafka)


def test_the_token_endpoint_is_https_and_named():
    with pytest.raises(ValueError, match="https"):
        KafkaSettings(sasl_oauth_url="http://localhost/token")
    with pytest.raises(SettingsError, match="SASL_OAUTH_URL"):
        ensure_topics(KafkaSettings(sasl_mechanism="OAUTHBEARER", security_protocol="SASL_SSL"))
