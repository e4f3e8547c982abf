"""Trains the small model: a Mistral-architecture causal LM that answers CancerLLM's prompt on excerpts.

    python -m model.train --minutes 35 [--real FOLDER/tcga-registry.jsonl FOLDER/tcga-silver.jsonl] [--resume]

Without `--real` it trains on synthetic reports alone. Prints loss and accuracy on held-out questions as JSON
lines on stderr and adds them to `log.jsonl` in the checkpoint's folder (`build/model/`); `--resume` goes on
from there. A GPU is used when there is one. On Linux CPUs, glibc's allocator costs most of the time without
MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000 MALLOC_TOP_PAD_=268435456.
"""

import argparse
import json
import math
import random
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import MistralForCausalLM

from model.labels import real_questions
from model.muon import Muon
from model.network import END, Encoder, Example, accuracy, batch_loss, new_model, new_tokenizer
from model.questions import Pool, Question, split_by_report, synthetic
from oncofhir.inference.prompting.prompts import load_prompt_set

WARM_UP = 60  # steps
LOG_STEPS = 40
SHARED = 40  # tokens by which the instructions are told apart
ECHOED = (
    0.6  # of the first examples are echoes: to answer is to copy, and echoes teach that fastest
)
ECHOING = 0.5  # of the time, ever fewer
LANGUAGE = 0.2  # weight of the prompts' own words, in the first half


class Log:
    """JSON lines on stderr and in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._began = time.time()

    def write(self, **what: Any) -> None:
        line = json.dumps({"seconds": round(time.time() - self._began), **what})
        print(line, file=sys.stderr, flush=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


class Optimizers:
    """Muon for the matrices (it needs half the examples that AdamW needs), AdamW for the rest."""

    def __init__(self, model: MistralForCausalLM, rate: float) -> None:
        inner = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
        known = {id(p) for p in inner}
        other = [p for p in model.parameters() if id(p) not in known]
        self._all: list[torch.optim.Optimizer] = [
            Muon(inner, lr=rate, weight_decay=0.05),
            torch.optim.AdamW(other, lr=rate, weight_decay=0.0, betas=(0.9, 0.95)),
        ]

    def step(self, rate: float) -> None:
        for optimizer in self._all:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)


def learning_rate(highest: float, step: int, spent: float) -> float:
    """Warm-up, then a cosine to a twentieth over the time budget."""
    return highest * min(1, (step + 1) / WARM_UP) * (0.05 + 0.475 * (1 + math.cos(math.pi * spent)))


def batches(examples: list[Example], size: int, random_: random.Random) -> list[list[Example]]:
    """The examples in batches of like instruction (its tokens are shared) and like length."""
    instructions: dict[tuple[int, ...], list[Example]] = defaultdict(list)
    for example in examples:
        is_echo = END in example[0][: example[1]]
        instructions[() if is_echo else tuple(example[0][:SHARED])].append(example)
    found = []
    for alike in instructions.values():
        alike.sort(key=lambda example: len(example[0]))
        found += [alike[first : first + size] for first in range(0, len(alike), size)]
    random_.shuffle(found)
    return found


def start(folder: Path, texts: list[str], *, resume: bool) -> tuple[MistralForCausalLM, Tokenizer]:
    """The model and tokenizer of the checkpoint, or new ones."""
    file = folder / "tokenizer.json"
    if resume:
        model = MistralForCausalLM.from_pretrained(folder, dtype=torch.float32)
        return model, Tokenizer.from_file(str(file))
    tokenizer = new_tokenizer(texts)
    tokenizer.save(str(file))
    return new_model(), tokenizer


def train(arguments: argparse.Namespace) -> None:
    """Train for `--minutes`, saving and measuring every `--measure-seconds`."""
    folder: Path = arguments.checkpoint
    folder.mkdir(parents=True, exist_ok=True)
    log = Log(folder / "log.jsonl")
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    random_ = random.Random(arguments.seed)
    prompts = load_prompt_set("oncofhir-small")
    real, held = split_by_report(real_questions(arguments.real))
    made = synthetic(arguments.synthetic, arguments.seed, "train")
    unseen = {"real": held, "synthetic": synthetic(60, arguments.seed, "test")}
    shown = random_.sample([*real, *made], min(15000, len(real) + len(made)))
    texts = [row.prompt(prompts) + row.answer for row in shown]
    model, tokenizer = start(folder, texts, resume=arguments.resume)
    model.to("cuda" if torch.cuda.is_available() else "cpu").train()
    encoder = Encoder(tokenizer, prompts)
    pool = Pool(real, made, random_)
    optimizers = Optimizers(model, arguments.lr)
    log.write(real=len(real), held=len(held), synthetic=len(made), device=str(model.device))
    began = measured = time.time()
    budget, step, logged, running = arguments.minutes * 60, 0, 0, 0.0
    while (spent := (time.time() - began) / budget) < 1:
        drawn = list(pool.draw(arguments.batch * 8))
        echoed = int(len(drawn) * max(0.0, ECHOED * (1 - spent / ECHOING)))
        echoes = encoder.echoes(drawn[:echoed], random_)
        examples = [*encoder.examples(drawn[echoed:]), *echoes]
        for batch in batches(examples, arguments.batch, random_):
            loss = batch_loss(model, batch, LANGUAGE if spent < 0.5 else 0.0)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizers.step(learning_rate(arguments.lr, step, spent))
            step += 1
            running = loss.item() if step == 1 else 0.98 * running + 0.02 * loss.item()
        if step - logged >= LOG_STEPS:
            logged = step
            log.write(step=step, loss=round(running, 3))
        if time.time() - measured > arguments.measure_seconds:
            measured = time.time()
            model.save_pretrained(folder)
            log.write(step=step, accuracy=_scores(model, encoder, unseen, random_, 120))
    model.save_pretrained(folder)
    log.write(step=step, final=_scores(model, encoder, unseen, random_, None))


def _scores(
    model: MistralForCausalLM,
    encoder: Encoder,
    unseen: dict[str, list[Question]],
    random_: random.Random,
    count: int | None,
) -> dict[str, dict[str, str]]:
    scores = {}
    for name, rows in unseen.items():
        sample = rows if count is None else random_.sample(rows, min(count, len(rows)))
        exact = accuracy(model, encoder, sample)
        scores[name] = {question: f"{a}/{b}" for question, (a, b) in exact.items()}
    return scores


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=35)
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="real reports with labels")
    parser.add_argument("--synthetic", type=int, default=3000, help="synthetic reports")
    parser.add_argument("--checkpoint", type=Path, default=Path("build/model"))
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--measure-seconds", type=float, default=300)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
