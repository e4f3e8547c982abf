"""When certificates and tokens of the settings expire; what cannot be read has no entry."""

import os
import time
from datetime import UTC, datetime

import jwt
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.consumers.health.credential_expiry import (
    CredentialExpiry,
    Expiry,
    first_certificate_expiry,
    last_certificate_expiry,
    token_expiry,
)
from oncofhir.settings import FhirSettings, KafkaSettings, Settings

SOON, LATE = datetime(2027, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)


def certificate(expires):
    return trustme.CA().issue_cert("client", not_after=expires).cert_chain_pems[0].bytes()


def token(**claims):
    return jwt.encode(claims, "a-key-of-thirty-two-bytes-or-more", algorithm="HS256").encode()


@pytest.fixture
def files(tmp_path):
    contents = {
        "chain.pem": certificate(LATE) + certificate(SOON),
        "authorities.pem": certificate(SOON) + certificate(LATE),
        "token": token(exp=1_900_000_000) + b"\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_each_credential_of_the_settings(files):
    settings = Settings(
        kafka=KafkaSettings(ssl_ca_file=files / "authorities.pem"),
        fhir=FhirSettings(token_file=files / "token", cert_file=files / "chain.pem"),
    )
    assert set(CredentialExpiry(settings).read()) == {
        Expiry("kafka.ssl_ca_file", "certificate", LATE.timestamp()),
        Expiry("fhir.cert_file", "certificate", SOON.timestamp()),
        Expiry("fhir.token_file", "token", 1_900_000_000.0),
    }


def test_a_renewed_file_is_read_again_and_a_missing_one_left_out(files):
    expiry = CredentialExpiry(Settings(fhir=FhirSettings(token_file=files / "token")))
    assert [each.at for each in expiry.read()] == [1_900_000_000.0]
    (files / "token").write_bytes(token(exp=2_000_000_000))
    os.utime(files / "token", (time.time() + 5, time.time() + 5))
    assert [each.at for each in expiry.read()] == [2_000_000_000.0]
    (files / "token").unlink()
    assert list(expiry.read()) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"opaque-token", token(sub="x"), token(sub="x") + b".more", b"a.b.c", b"\xff\xfe"],
)
def test_a_token_without_an_end_has_no_entry(content):
    assert token_expiry(content) is None


@given(st.binary(max_size=200) | st.just(b"-----BEGIN CERTIFICATE-----\nAA==\n"))
def test_any_file_is_read(content):
    assert first_certificate_expiry(content) is None
    assert last_certificate_expiry(content) is None
    token_expiry(content)
