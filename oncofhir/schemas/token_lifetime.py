"""When an OAuth 2.0 access token must be renewed and when it expires. Pure.

`expires_in` is only recommended by RFC 6749, section 5.1. SMART App Launch 2.2, "Backend Services",
recommends 300 seconds at most.
"""

import math
from dataclasses import dataclass
from typing import Any

DEFAULT_SECONDS = 300.0  # the lifetime of a token whose endpoint does not state one
_MAX_SECONDS = 366 * 86_400.0  # a longer lifetime, such as `Infinity`, is not believed
_RENEWAL_FRACTION = 0.2  # a token is renewed in the last fifth of its lifetime


@dataclass(frozen=True)
class TokenLifetime:
    """Times of the caller's clock, in seconds. Between them the token may still be used."""

    renew_at: float
    expires_at: float

    @classmethod
    def from_answer(
        cls, requested_at: float, expires_in: Any, longest_margin: float = math.inf
    ) -> "TokenLifetime":
        """Build it from `expires_in` of a token response.

        The token is renewed in the last fifth of its lifetime, at most `longest_margin` seconds before its
        end. An `expires_in` that is absent or no positive number counts as `DEFAULT_SECONDS`.
        """
        life = lifetime_seconds(expires_in)
        expires_at = requested_at + life
        return cls(expires_at - min(life * _RENEWAL_FRACTION, longest_margin), expires_at)

    def renewal_is_due(self, now: float) -> bool:
        """Return whether a new token should be requested."""
        return now >= self.renew_at

    def postponed(self, now: float, seconds: float) -> "TokenLifetime":
        """Return it with the renewal put off by `seconds`, or by half of what is left of its life."""
        return TokenLifetime(now + min(seconds, (self.expires_at - now) / 2), self.expires_at)

    def has_expired(self, now: float) -> bool:
        """Return whether the token can no longer be used."""
        return now >= self.expires_at


def lifetime_seconds(expires_in: Any) -> float:
    """Return a token's lifetime in seconds, `DEFAULT_SECONDS` where the answer states none that is usable."""
    try:
        life = float(expires_in)
    except (TypeError, ValueError, OverflowError):
        return DEFAULT_SECONDS
    return life if 0 < life < _MAX_SECONDS else DEFAULT_SECONDS
