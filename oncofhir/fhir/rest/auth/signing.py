"""The signed assertion with which a SMART backend service requests a token.

Source: SMART App Launch 2.2, "Client Authentication: Asymmetric (public key)"; RFC 7523.
"""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

ASSERTION_SECONDS = 240  # "no more than five minutes in the future", with a margin for clock skew
_SMALLEST_RSA = 2048


@dataclass(frozen=True)
class SigningKey:
    """A private key, the algorithm that SMART requires for its type, and the id of its public key."""

    key: RSAPrivateKey | EllipticCurvePrivateKey = field(repr=False)
    algorithm: str
    key_id: str | None


def signing_key(encoded: str, key_id: str | None = None) -> SigningKey:
    """Read the key of a PEM or of one JWK; `key_id` takes precedence over the `kid` of the JWK.

    Raises:
        ValueError: it is not a private RSA key of 2,048 bits or more, nor one of the curve P-384. The
            message holds no part of the key.
    """
    try:
        key, named = (
            _from_jwk(encoded) if encoded.lstrip().startswith("{") else (_from_pem(encoded), None)
        )
    except (ValueError, TypeError, jwt.PyJWTError):
        raise ValueError("not an unencrypted private key in PEM or JWK") from None
    if isinstance(key, RSAPrivateKey) and key.key_size >= _SMALLEST_RSA:
        return SigningKey(key=key, algorithm="RS384", key_id=key_id or named)
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP384R1):
        return SigningKey(key=key, algorithm="ES384", key_id=key_id or named)
    raise ValueError("an RSA key of 2,048 bits or more, or one of the curve P-384, is needed")


def _from_pem(encoded: str) -> Any:
    return load_pem_private_key(encoded.encode(), password=None)


def _from_jwk(encoded: str) -> tuple[Any, str | None]:
    described = json.loads(encoded)
    algorithm = {"RSA": "RS384", "EC": "ES384"}.get(described.get("kty", ""))
    return jwt.PyJWK(described, algorithm).key, described.get("kid")


def signed_assertion(key: SigningKey, client_id: str, audience: str, now: float) -> str:
    """Sign the JWT for one token request; `now` is in seconds since the epoch. Each `jti` is unique."""
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": int(now),
        "exp": int(now) + ASSERTION_SECONDS,
        "jti": str(uuid4()),
    }
    headers = {"kid": key.key_id} if key.key_id else None
    return jwt.encode(claims, key.key, algorithm=key.algorithm, headers=headers)
