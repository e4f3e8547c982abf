import pytest

from oncofhir.review.access.checks import (
    is_loopback,
    refuse_open_single_user_mode,
    session_key,
)
from oncofhir.settings import ReviewSettings, SettingsError


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.0.0.2", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.7", False),
        ("review.example.org", False),
    ],
)
def test_loopback(host, expected):
    assert is_loopback(host) is expected


def test_single_user_mode_listens_on_this_machine_only():
    refuse_open_single_user_mode(ReviewSettings())
    with pytest.raises(SettingsError, match="ONCOFHIR_REVIEW__OIDC_ISSUER"):
        refuse_open_single_user_mode(ReviewSettings(host="0.0.0.0"))
    refuse_open_single_user_mode(
        ReviewSettings(
            host="0.0.0.0",
            oidc_issuer="https://login.example.org",
            oidc_client_id="review",
            public_url="https://review.example.org",
        )
    )


def test_a_key_is_of_the_file_or_new(tmp_path):
    assert session_key(ReviewSettings()) != session_key(ReviewSettings())
    file = tmp_path / "key"
    file.write_text("k" * 40)
    assert session_key(ReviewSettings(session_key_file=file)) == "k" * 40
    file.write_text("short")
    with pytest.raises(SettingsError, match="openssl rand"):
        session_key(ReviewSettings(session_key_file=file))


@pytest.mark.parametrize(
    "incomplete",
    [
        {"oidc_issuer": "https://login.example.org", "public_url": "https://review.example.org"},
        {"oidc_issuer": "https://login.example.org", "oidc_client_id": "review"},
        {"smart_issuers": "https://ehr.example.org", "public_url": "https://review.example.org"},
    ],
)
def test_a_login_needs_its_client_and_the_address_of_the_page(incomplete):
    with pytest.raises(ValueError, match=r"needs|PUBLIC_URL"):
        ReviewSettings(**incomplete)
