"""Exports a trained checkpoint: safetensors (f16) for TGI, vLLM and transformers, GGUF (f16) for llama.cpp.

The GGUF has architecture `llama`: query and key weights are permuted from the half-split rotary layout of
transformers to the interleaved one of llama.cpp; embeddings are tied, so there is no output matrix; the
tokenizer is `gpt2` (byte-level BPE) with the pre-tokenizer `smollm`, which splits digits one by one.
"""

import argparse
import hashlib
import json
import shutil
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import MistralForCausalLM, PreTrainedTokenizerFast

from model.checkpoint import save_model, save_tokenizer, with_bos
from model.places import GGUF_FILE, SAFETENSORS

NAME = "oncofhir-small"
VERSION = "2"
SPECIAL = ("<unk>", "<s>", "</s>")
BLOCK = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def permuted(weights: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a query or key matrix from half-split to interleaved rotary order."""
    rows, columns = weights.shape
    split = weights.reshape(heads, 2, rows // heads // 2, columns)
    return split.swapaxes(1, 2).reshape(rows, columns)


def write_safetensors(model: MistralForCausalLM, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a folder that transformers, TGI and vLLM load."""
    folder.mkdir(parents=True, exist_ok=True)
    save_model(model, folder, torch.float16)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=with_bos(tokenizer),
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<unk>",
        model_max_length=model.config.max_position_embeddings,
    )
    save_tokenizer(fast, folder)


def write_gguf(model: MistralForCausalLM, tokenizer: Tokenizer, file: Path) -> None:
    """A GGUF file that llama.cpp loads."""
    file.parent.mkdir(parents=True, exist_ok=True)
    config = model.config
    writer = gguf.GGUFWriter(str(file), "llama")
    writer.add_name(NAME)
    writer.add_license("apache-2.0")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    _write_tokenizer(writer, tokenizer)
    state = {name: value.to(torch.float32).numpy() for name, value in model.state_dict().items()}
    _tensor(writer, "token_embd.weight", state["model.embed_tokens.weight"])
    _tensor(writer, "output_norm.weight", state["model.norm.weight"])
    for layer in range(config.num_hidden_layers):
        for source, target in BLOCK.items():
            weights = state[f"model.layers.{layer}.{source}.weight"]
            if target == "attn_q":
                weights = permuted(weights, config.num_attention_heads)
            if target == "attn_k":
                weights = permuted(weights, config.num_key_value_heads)
            _tensor(writer, f"blk.{layer}.{target}.weight", weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _tensor(writer: gguf.GGUFWriter, name: str, weights: np.ndarray) -> None:
    """Norms stay f32, as llama.cpp wants them; matrices are f16."""
    kind = np.float32 if weights.ndim == 1 else np.float16
    writer.add_tensor(name, np.ascontiguousarray(weights.astype(kind)))


def _write_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([token for token, _ in vocabulary])
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_token_types([control if token in SPECIAL else normal for token, _ in vocabulary])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(value=True)


def digest(file: Path) -> str:
    """Hex sha256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=Path("build/model"))
    arguments = parser.parse_args()
    model = MistralForCausalLM.from_pretrained(arguments.checkpoint, dtype=torch.float32).eval()
    tokenizer = Tokenizer.from_file(str(arguments.checkpoint / "tokenizer.json"))
    write_gguf(model, tokenizer, GGUF_FILE)
    shutil.rmtree(SAFETENSORS, ignore_errors=True)
    write_safetensors(model, tokenizer, SAFETENSORS)
    manifest = {
        "name": NAME,
        "version": VERSION,
        "license": "Apache-2.0",
        "architecture": "MistralForCausalLM",
        "parameters": sum(p.numel() for p in model.parameters()),
        "sha256": {
            str(GGUF_FILE): digest(GGUF_FILE),
            "model/weights/model.safetensors": digest(SAFETENSORS / "model.safetensors"),
        },
    }
    (SAFETENSORS / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(json.dumps(manifest))


if __name__ == "__main__":
    main()
