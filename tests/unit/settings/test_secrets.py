"""A secret that is rotated to something unreadable is a mistake in the settings, and the message says which."""

import pytest

from oncofhir.settings import SettingsError, read_secret, read_token


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xef\xbb\xbfsecret", "byte order mark"),
        (b"\xff\xfes\x00", "not UTF-8 at byte 0"),
        ("gr\u00fcn".encode("latin-1"), "not UTF-8 at byte 2"),
        (b" \n", "is empty"),
    ],
)
@pytest.mark.parametrize("read", [read_secret, read_token])
def test_what_is_no_text_is_refused(tmp_path, read, content, message):
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=message) as raised:
        read(file)
    assert str(file) in str(raised.value)
    assert "secret\ufeff" not in str(raised.value)


@pytest.mark.parametrize("token", ["grün", "two words", "one\ntwo", "\u200babc", "a\x00b", "“abc”"])
def test_a_token_is_one_word_of_ascii(tmp_path, token):
    file = tmp_path / "token"
    file.write_text(token, encoding="utf-8")
    with pytest.raises(SettingsError, match="character that no token has"):
        read_token(file)


def test_a_password_may_be_any_text(tmp_path):
    file = tmp_path / "password"
    file.write_text("grün und blau\n", encoding="utf-8")
    assert read_secret(file) == "grün und blau"
    file.write_text(" eyJhbGciOi.J9-_~+/= \n", encoding="utf-8")
    assert read_token(file) == "eyJhbGciOi.J9-_~+/="
