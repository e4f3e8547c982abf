"""The network, its tokenizer, its loss, and how it is measured."""

import random
from collections import defaultdict
from collections.abc import Iterable

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn.functional import cross_entropy
from transformers import DynamicCache, MistralConfig, MistralForCausalLM

from model.questions import Question
from oncofhir.inference.prompting.prompts import PromptSet

VOCABULARY = 2048
LONGEST = 400
BEGIN, END = 1, 2
IGNORED = -100
ECHO_TOKENS, ECHO_CUTS = 48, 5
Example = tuple[list[int], int]  # token ids, where the answer begins


def new_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Byte-level BPE, digits one by one: the pre-tokenizer that llama.cpp calls smollm."""
    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [digits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<unk>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def new_model() -> MistralForCausalLM:
    """4.7 million parameters, grouped-query attention as Mistral has it."""
    return MistralForCausalLM(
        MistralConfig(
            vocab_size=VOCABULARY,
            hidden_size=256,
            intermediate_size=688,
            num_hidden_layers=6,
            num_attention_heads=8,
            num_key_value_heads=2,
            head_dim=32,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=BEGIN,
            eos_token_id=END,
            pad_token_id=0,
            sliding_window=None,
        )
    )


class Encoder:
    """Questions to token ids."""

    def __init__(self, tokenizer: Tokenizer, prompts: PromptSet) -> None:
        self.tokenizer = tokenizer
        self.prompts = prompts

    def prompt_ids(self, question: Question) -> list[int]:
        return [BEGIN, *self.tokenizer.encode(question.prompt(self.prompts)).ids]

    def examples(self, rows: Iterable[Question]) -> list[Example]:
        """Token ids of those questions that are short enough to learn from."""
        found = []
        for row in rows:
            ids = self.prompt_ids(row)
            whole = [*ids, *self.tokenizer.encode(row.said).ids, END]
            if len(whole) < LONGEST:
                found.append((whole, len(ids)))
        return found

    def echoes(self, rows: Iterable[Question], random_: random.Random) -> list[Example]:
        """A stretch of each text, then its pieces in another order, which is what is to be answered."""
        found = []
        for row in rows:
            ids = self.tokenizer.encode(row.given).ids
            first = random_.randrange(max(1, len(ids) - ECHO_TOKENS))
            ids = ids[first : first + ECHO_TOKENS]
            cuts = sorted(random_.sample(range(len(ids)), k=min(len(ids) // 8, ECHO_CUTS)))
            ends = [*cuts[1:], len(ids)] if cuts else []
            pieces = [ids[a:b] for a, b in zip(cuts, ends, strict=True)]
            random_.shuffle(pieces)
            head = [BEGIN, *ids, END]
            if pieces:
                found.append(([*head, *(token for piece in pieces for token in piece)], len(head)))
        return found


def _padded(
    examples: list[Example], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, answers and whole texts as targets. Padding is right, attention causal: no mask is needed."""
    longest = max(len(ids) for ids, _ in examples)
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    answer = torch.full((len(examples), longest), IGNORED)
    whole = torch.full((len(examples), longest), IGNORED)
    for row, (tokens, start) in enumerate(examples):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        whole[row, : len(tokens)] = torch.tensor(tokens)
        answer[row, start : len(tokens)] = torch.tensor(tokens[start:])
    return ids.to(device), answer.to(device), whole.to(device)


def _hidden(
    model: MistralForCausalLM, examples: list[Example], ids: torch.Tensor
) -> tuple[torch.Tensor, int]:
    """Last hidden states from the first position where the prompts differ (returned too), less the last.

    Two fifths of a prompt are the same in all: they are computed once for the batch.
    """
    same = (ids == ids[0]).all(0).tolist()
    shortest = min(start for _, start in examples) - 1
    first = next(i for i in range(shortest + 1) if i == shortest or not same[i])
    cache = DynamicCache(config=model.config)
    model.model(input_ids=ids[:1, :first], past_key_values=cache, use_cache=True)
    for layer in cache.layers:
        layer.keys = layer.keys.expand(len(examples), -1, -1, -1)
        layer.values = layer.values.expand(len(examples), -1, -1, -1)
    own = model.model(input_ids=ids[:, first:], past_key_values=cache, use_cache=True)
    return own.last_hidden_state[:, :-1], first


def batch_loss(model: MistralForCausalLM, examples: list[Example], language: float) -> torch.Tensor:
    """Cross entropy of the answers, plus a little of the prompts: reading helps so small a model."""
    ids, answer, whole = _padded(examples, model.device)
    hidden, first = _hidden(model, examples, ids)
    answer, whole = answer[:, first:], whole[:, first:]
    chosen = answer[:, 1:] != IGNORED
    loss = cross_entropy(model.lm_head(hidden[chosen]), answer[:, 1:][chosen])
    read = (whole[:, 1:] != IGNORED) & (torch.rand(whole[:, 1:].shape, device=model.device) < 0.12)
    if not language or not read.any():
        return loss
    return loss + language * cross_entropy(model.lm_head(hidden[read]), whole[:, 1:][read])


@torch.no_grad()
def accuracy(
    model: MistralForCausalLM, encoder: Encoder, rows: list[Question]
) -> dict[str, tuple[int, int]]:
    """(exact answers, questions) per kind.

    An answer is what greedy decoding gives: the gold tokens are the likeliest at each step, the end too.
    """
    model.eval()
    right: dict[str, list[bool]] = defaultdict(list)
    short = [(row.name, encoder.examples([row])) for row in rows]
    asked = sorted(
        ((name, found[0]) for name, found in short if found), key=lambda item: len(item[1][0])
    )
    for start in range(0, len(asked), 32):
        batch = asked[start : start + 32]
        ids, answer, _ = _padded([example for _, example in batch], model.device)
        hidden, first = _hidden(model, [example for _, example in batch], ids)
        answer = answer[:, first:]
        chosen = answer[:, 1:] != IGNORED
        same = torch.ones_like(chosen)
        same[chosen] = model.lm_head(hidden[chosen]).argmax(-1) == answer[:, 1:][chosen]
        for (name, _), exact in zip(batch, same.all(-1).tolist(), strict=True):
            right[name].append(exact)
    model.train()
    return {name: (sum(exact), len(exact)) for name, exact in sorted(right.items())}
