"""Writes checkpoints that transformers 4.51 and 5, TGI 3.3, vLLM and llama.cpp's converter load alike.

transformers 5 writes what older versions do not read, some of it without an error: TGI 3.3 (transformers
4.51) fails at a tokenizer class `TokenizersBackend`, needs `lm_head.weight`, and takes 10,000 for the
rotary base if `rope_theta` is absent. A tokenizer without a post-processor adds no BOS there or on vLLM.
"""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedModel

TOKENIZER_CLASS = "PreTrainedTokenizerFast"
# Classes that transformers 5 writes and 4.51 does not know.
_NEW_CLASSES = frozenset({"TokenizersBackend", "PythonBackend"})


def save_model(model: PreTrainedModel, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Save weights and configuration, the output matrix by itself and the names of both versions."""
    if dtype is not None:
        model = model.to(dtype)
    _untie(model)
    model.save_pretrained(folder)
    for file in folder.glob(
        "*.safetensors"
    ):  # written for the owner alone; a server has another user
        file.chmod(0o644)
    _patch(folder / "config.json", _with_names_of_transformers_4)


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Save a transformers tokenizer under a class that both versions know."""
    tokenizer.save_pretrained(folder)
    _patch(folder / "tokenizer_config.json", _with_known_class)


def with_bos(tokenizer: Tokenizer, bos: str = "<s>") -> Tokenizer:
    """Return a copy of the tokenizer that begins each prompt with the BOS token."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.post_processor = TemplateProcessing(
        single=f"{bos} $A",
        pair=f"{bos} $A {bos} $B",
        special_tokens=[(bos, copy.token_to_id(bos))],
    )
    return copy


def _untie(model: PreTrainedModel) -> None:
    """Give the output matrix weights of its own: TGI's Mistral does not share the embeddings'."""
    if getattr(model.config, "tie_word_embeddings", False):
        embeddings, head = model.get_input_embeddings(), model.get_output_embeddings()
        model.config.tie_word_embeddings = False
        head.weight = torch.nn.Parameter(embeddings.weight.detach().clone())


def _with_names_of_transformers_4(config: dict[str, Any]) -> dict[str, Any]:
    rotary = config.get("rope_parameters") or {}
    named = {"rope_theta": rotary.get("rope_theta"), "torch_dtype": config.get("dtype")}
    if rotary.get("rope_type", "default") != "default":
        named["rope_scaling"] = {k: v for k, v in rotary.items() if k != "rope_theta"}
    return {**{k: v for k, v in named.items() if v is not None}, **config}


def _with_known_class(config: dict[str, Any]) -> dict[str, Any]:
    if config.get("tokenizer_class") in _NEW_CLASSES:
        config["tokenizer_class"] = TOKENIZER_CLASS
    return {name: value for name, value in config.items() if name not in {"backend", "is_local"}}


def _patch(file: Path, change: Any) -> None:
    config = change(json.loads(file.read_text()))
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
