"""What `LlamaEngine` says when llama.cpp is not there, or there and not usable."""

import sys

import pytest

from oncofhir.inference.server.llama import LlamaEngine, ModelFileError


@pytest.fixture
def gguf(tmp_path):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    return file


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            "raise ImportError('libgomp.so.1: cannot open shared object file')",
            r"cannot be loaded: libgomp\.so\.1: .*libgomp1",
        ),
        ("raise ModuleNotFoundError('xllamacpp')", r"xllamacpp is not installed\. .*pip install"),
    ],
    ids=["a shared library is missing", "the wheel is missing"],
)
def test_the_message_names_what_is_missing(module, message, gguf, tmp_path, monkeypatch):
    """In an image without libgomp the wheel is installed: 'llama.cpp is missing' sent its reader astray."""
    (tmp_path / "xllamacpp.py").write_text(module)
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelFileError, match=message):
        LlamaEngine(gguf)
