"""A path is neither a name nor a digest, and nothing that identifies no weights is a key of recall."""

import pytest

from oncofhir.inference.clients.identity import declared, model_identity, normal_digest
from oncofhir.inference.clients.weights import weights_digest
from oncofhir.schemas.errors import UnsuitableServer

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("served", "digest", "expected"),
    [
        ("cancerllm", "ABCDEF01" * 5, ("cancerllm", "abcdef01" * 5)),
        ("org/cancerllm", None, ("org/cancerllm", "undetermined:org/cancerllm")),
        ("/weights", None, ("weights", "undetermined:weights")),
        ("/models/cancer.gguf", None, ("cancer", "undetermined:cancer")),
        ("C:\\models\\cancer.gguf", None, ("cancer", "undetermined:cancer")),
        ("cancerllm", "/weights", ("cancerllm", "undetermined:cancerllm")),
        ("cancerllm", "unknown", ("cancerllm", "undetermined:cancerllm")),
        (f"cancerllm@sha256-{HEX}", None, ("cancerllm", HEX)),
        (f"cancerllm@sha256:{HEX}", None, ("cancerllm", HEX)),
        (f"/tmp/models/cancerllm@sha256-{HEX}", None, ("cancerllm", HEX)),
    ],
)
def test_what_a_server_reports(served, digest, expected):
    found = model_identity(served, digest, server="s")
    assert (found.name, found.digest) == expected
    assert found.has_digest is not expected[1].startswith("undetermined")


def test_what_the_site_sets_fills_in():
    served = model_identity("/weights", None, server="s")
    assert declared(served, "cancerllm", HEX).digest == HEX
    named = declared(served, "cancerllm", None)
    assert (named.name, named.digest) == ("cancerllm", "undetermined:cancerllm")
    assert declared(served, None, None) == served


def test_a_server_that_contradicts_the_site_is_refused():
    served = model_identity("m", HEX, server="s")
    assert declared(served, None, HEX).digest == HEX
    with pytest.raises(UnsuitableServer, match="ONCOFHIR_MODEL__DIGEST"):
        declared(served, None, "f" * 64)


@pytest.mark.parametrize("digest", [None, "", "unknown", "latest", "/a/b", "a b c d", "abc"])
def test_no_digest(digest):
    assert normal_digest(digest) is None


def test_the_digest_of_weights_follows_their_content(tmp_path):
    with pytest.raises(ValueError, match="no weights"):
        weights_digest(tmp_path)
    for name in ("b.safetensors", "a.safetensors", "config.json"):
        (tmp_path / name).write_bytes(name.encode())
    before = weights_digest(tmp_path)
    (tmp_path / "config.json").write_bytes(b"{}")
    assert weights_digest(tmp_path) == before
    (tmp_path / "a.safetensors").write_bytes(b"other")
    assert weights_digest(tmp_path) != before
    assert len(before) == 64
    file = tmp_path / "b.safetensors"
    assert weights_digest(file) != weights_digest(tmp_path)
