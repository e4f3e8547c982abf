"""Trains the small model: a Mistral-architecture causal LM that answers CancerLLM's prompt on excerpts.

    python -m model.train --minutes 35 [--real FOLDER/tcga-registry.jsonl FOLDER/tcga-silver.jsonl] [--resume]

Without `--real` it trains on synthetic reports alone. Prints loss and accuracy on held-out questions as JSON
lines on stdout; `build/model/` holds the checkpoint and `--resume` goes on from it. A GPU is used when
there is one. On Linux CPUs, glibc's allocator costs most of the time without
MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000 MALLOC_TOP_PAD_=268435456.
"""

import argparse
import hashlib
import json
import math
import random
import time
from collections import defaultdict
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn.functional import cross_entropy
from transformers import MistralConfig, MistralForCausalLM

from model.generate import answers, reports
from model.labels import MISSING, real_questions
from oncofhir.inference.prompts import DIAGNOSIS, PromptSet, load_prompt_set
from oncofhir.inference.retrieval import excerpt, questions

BATCH = 24
LONGEST = 400
REAL_SHARE = 0.6
HELD_OUT = 12  # one report in so many, by the hash of its id
IGNORED = -100
# Answers that must be copied digit by digit or word by word are learned last: they are shown more often.
SHOWN = {"tumor size": 4, "histological type": 2, "cancer stage": 3, "cancer grade": 2}
Question = tuple[str, str, str]  # question, what the model is given, answer
Example = tuple[list[int], int]  # token ids, where the answer begins


def prompt(prompts: PromptSet, question: str, given: str) -> str:
    """The prompt as inference writes it."""
    return prompts.prompt(question, f"1) Report: {given}" if question == DIAGNOSIS else given)


def synthetic(count: int, seed: int, split: str = "train") -> list[Question]:
    """Questions on synthetic reports whose answer stands in what the model is given."""
    found = []
    for text, of in reports(count, seed, split):  # type: ignore[arg-type]
        gold = answers(of)
        for question in questions():
            given, answer = excerpt(text, question), gold[question]
            free = question == DIAGNOSIS or question.startswith("hormone")
            if answer == MISSING or free or answer in given:
                found.append((question, given, answer))
    return found


def split_by_report(rows: list[tuple[str, str, str, str]]) -> tuple[list[Question], list[Question]]:
    """Training and held-out questions; a report is in one of them."""
    training: list[Question] = []
    held: list[Question] = []
    for report, *question in rows:
        is_held = int(hashlib.sha256(report.encode()).hexdigest(), 16) % HELD_OUT == 0
        (held if is_held else training).append((question[0], question[1], question[2]))
    return training, held


def thinned(rows: list[Question], random_: random.Random) -> list[Question]:
    """Fewer "not mentioned" answers: most reports mention no receptor."""
    return [
        row
        for row in rows
        if row[2] != MISSING or random_.random() < (0.15 if row[0].startswith("hormone") else 0.6)
    ]


def weighted(rows: list[Question]) -> list[Question]:
    """Each question as often as `SHOWN` says; "not mentioned" once."""
    return [row for row in rows for _ in range(1 if row[2] == MISSING else SHOWN.get(row[0], 1))]


def new_tokenizer(texts: list[str]) -> Tokenizer:
    """Byte-level BPE, 2,048 tokens, digits one by one: the pre-tokenizer that llama.cpp calls smollm."""
    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [digits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2048,
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
            vocab_size=2048,
            hidden_size=256,
            intermediate_size=688,
            num_hidden_layers=6,
            num_attention_heads=8,
            num_key_value_heads=2,
            head_dim=32,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
            sliding_window=None,
        )
    )


class Encoder:
    """Questions to examples."""

    def __init__(self, tokenizer: Tokenizer, prompts: PromptSet) -> None:
        self.tokenizer = tokenizer
        self.prompts = prompts

    def prompt_ids(self, question: str, given: str) -> list[int]:
        return [1, *self.tokenizer.encode(prompt(self.prompts, question, given)).ids]

    def examples(self, rows: list[Question]) -> list[Example]:
        found = []
        for question, given, answer in rows:
            ids = self.prompt_ids(question, given)
            whole = [*ids, *self.tokenizer.encode(answer).ids, 2]
            if len(whole) < LONGEST:
                found.append((whole, len(ids)))
        return found


def batch_loss(model: MistralForCausalLM, examples: list[Example], language: float) -> torch.Tensor:
    """Cross entropy of the answers, plus a little of the prompts: reading helps so small a model.

    Padding is on the right and attention is causal, so no mask is needed.
    """
    longest = max(len(ids) for ids, _ in examples)
    ids = torch.zeros(len(examples), longest, dtype=torch.long)
    answer = torch.full((len(examples), longest), IGNORED)
    whole = torch.full((len(examples), longest), IGNORED)
    for row, (tokens, start) in enumerate(examples):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        whole[row, : len(tokens)] = torch.tensor(tokens)
        answer[row, start : len(tokens)] = torch.tensor(tokens[start:])
    ids, answer, whole = (t.to(model.device) for t in (ids, answer, whole))
    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
    chosen = answer[:, 1:] != IGNORED
    loss = cross_entropy(model.lm_head(hidden[chosen]), answer[:, 1:][chosen])
    read = (whole[:, 1:] != IGNORED) & (torch.rand(whole[:, 1:].shape, device=model.device) < 0.15)
    return loss + language * cross_entropy(model.lm_head(hidden[read]), whole[:, 1:][read])


@torch.no_grad()
def accuracy(
    model: MistralForCausalLM, encoder: Encoder, rows: list[Question], count: int
) -> dict[str, str]:
    """Exact answers per question on up to `count` held-out questions of each."""
    model.eval()
    right: dict[str, list[bool]] = defaultdict(list)
    for question in questions():
        asked = [row for row in rows if row[0] == question]
        for _, given, answer in random.Random(5).sample(asked, min(count, len(asked))):
            ids = torch.tensor([encoder.prompt_ids(question, given)], device=model.device)
            made = model.generate(
                ids, max_new_tokens=32, do_sample=False, pad_token_id=0, eos_token_id=2
            )
            tokens = [t for t in made[0][ids.shape[1] :].tolist() if t not in {0, 2}]
            right[question].append(encoder.tokenizer.decode(tokens).strip() == answer)
    model.train()
    return {question: f"{sum(r)}/{len(r)}" for question, r in right.items()}


def train(arguments: argparse.Namespace) -> None:
    """Train for `--minutes`, saving and measuring every five."""
    folder: Path = arguments.checkpoint
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    random_ = random.Random(arguments.seed)
    prompts = load_prompt_set("oncofhir-small")
    training, held = split_by_report(list(real_questions(arguments.real)))
    made = synthetic(arguments.synthetic, arguments.seed)
    tokenizer_file = folder / "tokenizer.json"
    if arguments.resume:
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
        model = MistralForCausalLM.from_pretrained(folder, dtype=torch.float32)
    else:
        texts = [
            prompt(prompts, q, given) + answer for q, given, answer in [*training, *made[:9000]]
        ]
        tokenizer = new_tokenizer(texts)
        tokenizer.save(str(tokenizer_file))
        model = new_model()
    model.to("cuda" if torch.cuda.is_available() else "cpu").train()
    encoder = Encoder(tokenizer, prompts)
    shown = (weighted(thinned(training, random_)), weighted(made))
    pools = [pool for pool in map(encoder.examples, shown) if pool]
    unseen = {"real": held, "synthetic": synthetic(60, arguments.seed, "test")}
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=arguments.lr, weight_decay=0.05, betas=(0.9, 0.95)
    )
    began = measured = time.time()
    budget, step, running = arguments.minutes * 60, 0, 0.0
    while (spent := (time.time() - began) / budget) < 1:
        rate = (
            arguments.lr
            * min(1, (step + 1) / 150)
            * (0.05 + 0.475 * (1 + math.cos(math.pi * spent)))
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        drawn = [
            random_.choice(
                pools[0] if len(pools) == 1 or random_.random() < REAL_SHARE else pools[1]
            )
            for _ in range(BATCH * 4)
        ]
        drawn.sort(key=lambda example: len(example[0]))
        for start in range(0, len(drawn), BATCH):
            loss = batch_loss(model, drawn[start : start + BATCH], 0.3 if spent < 0.5 else 0.1)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            running = loss.item() if step == 1 else 0.98 * running + 0.02 * loss.item()
        if step % 100 == 0:
            print(
                json.dumps(
                    {"step": step, "seconds": round(time.time() - began), "loss": round(running, 3)}
                )
            )
        if time.time() - measured > arguments.measure_seconds:
            measured = time.time()
            model.save_pretrained(folder)
            scores = {name: accuracy(model, encoder, rows, 10) for name, rows in unseen.items()}
            print(json.dumps({"step": step, "accuracy": scores}), flush=True)
    model.save_pretrained(folder)
    scores = {name: accuracy(model, encoder, rows, 60) for name, rows in unseen.items()}
    print(json.dumps({"step": step, "final": scores}), flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=35)
    parser.add_argument(
        "--real", type=Path, nargs="*", default=[], help="files of real reports with labels"
    )
    parser.add_argument("--synthetic", type=int, default=3500, help="synthetic reports")
    parser.add_argument("--checkpoint", type=Path, default=Path("build/model"))
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--measure-seconds", type=float, default=300)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
