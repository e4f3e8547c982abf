"""A checkpoint in this process, run with `transformers` and `torch`: for evaluation on a GPU node.

Needs the extra `transformers`. It processes one prompt at a time; a server with batches and a prefix cache is
many times faster. Nothing is fetched from a hub: checkpoint and adapter are folders.
"""

import asyncio
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any

from oncofhir.inference.clients.answer import answer_of
from oncofhir.inference.clients.client import Completion, CompletionRequest, GeneratedToken
from oncofhir.inference.clients.weights import weights_digest
from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.extraction import ModelIdentity
from oncofhir.schemas.reasons import Reason
from oncofhir.settings.extras import install_hint


class CheckpointError(ValueError):
    """The checkpoint or the adapter cannot be loaded. The message has the cause and the remedy."""


class InProcessModel:
    """A `ModelClient` over a checkpoint's folder; on the GPU when there is one.

    Args:
        folder: what `save_pretrained` wrote: config, weights, tokenizer.
        adapter: a LoRA adapter's folder (peft), merged into the weights.

    Raises:
        CheckpointError: the libraries are missing, or the folder holds no model.
    """

    def __init__(self, folder: Path, adapter: Path | None = None) -> None:
        try:
            import torch  # noqa: PLC0415
            import transformers  # noqa: PLC0415
        except ImportError as error:
            raise CheckpointError(
                f"torch and transformers are not installed. {install_hint('transformers')}"
            ) from error
        self._torch = torch
        try:
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True
            )
            model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, dtype="auto"
            )
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{folder} holds no causal language model") from error
        if adapter is not None:
            model = _merged(model, adapter)
        self._model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        self._digest = weights_digest(*filter(None, [folder, adapter]))
        self._name = folder.name
        self._version = transformers.__version__
        self._one_at_a_time = Lock()

    async def identify(self, affinity: str | None = None) -> ModelIdentity:  # noqa: ARG002
        longest = getattr(self._model.config, "max_position_embeddings", None)
        return ModelIdentity(
            name=self._name,
            digest=self._digest,
            server="transformers",
            server_version=self._version,
            max_total_tokens=longest,
        )

    async def complete(self, request: CompletionRequest) -> Completion:
        """Complete one prompt. A JSON schema is ignored, which is noticed when the answer is parsed.

        Raises:
            RequestRejected: the prompt and its answer are longer than the model's window.
        """
        return await asyncio.to_thread(self._complete, request)

    def _complete(self, request: CompletionRequest) -> Completion:
        ids = self._tokenizer(request.prompt, return_tensors="pt")["input_ids"]
        longest = getattr(self._model.config, "max_position_embeddings", None)
        if longest and ids.shape[1] + request.max_new_tokens > longest:
            raise RequestRejected(
                Reason.MODEL_REJECTED_PROMPT, self._name, "longer than the window"
            )
        with self._one_at_a_time, self._torch.inference_mode():
            made = self._model.generate(
                ids.to(self._model.device),
                attention_mask=self._torch.ones_like(ids).to(self._model.device),
                max_new_tokens=request.max_new_tokens,
                do_sample=False,
                stop_strings=list(request.stop) or None,
                tokenizer=self._tokenizer,
                pad_token_id=self._tokenizer.pad_token_id or 0,
                output_scores=True,
                return_dict_in_generate=True,
            )
        generated = made.sequences[0, ids.shape[1] :]
        logprobs = self._model.compute_transition_scores(
            made.sequences, made.scores, normalize_logits=True
        )[0]
        special = set(self._tokenizer.all_special_ids)
        tokens = tuple(
            GeneratedToken(text=self._tokenizer.decode([token]), logprob=float(logprob))
            for token, logprob in zip(generated.tolist(), logprobs.tolist(), strict=True)
            if token not in special
        )
        text = self._tokenizer.decode(generated, skip_special_tokens=True)
        return answer_of(
            request,
            text,
            "length" if len(generated) == request.max_new_tokens else "stop",
            tokens,
            address=self._name,
            prompt_tokens=int(ids.shape[1]),
            generated_tokens=len(generated),
        )

    async def token_ends(self, text: str) -> tuple[int, ...] | None:
        ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        pieces = [self._tokenizer.decode([token]) for token in ids]
        return tuple(min(end, len(text)) for end in accumulate(map(len, pieces)))

    async def healthy(self) -> bool:
        return True

    async def aclose(self) -> None:
        del self._model


def _merged(model: Any, adapter: Path) -> Any:
    try:
        import peft  # noqa: PLC0415
    except ImportError as error:
        raise CheckpointError(f"peft is not installed. {install_hint('transformers')}") from error
    try:
        return peft.PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise CheckpointError(f"{adapter} holds no LoRA adapter of this model") from error
