"""Fine-tunes a CancerLLM-style model with LoRA on the published prompt, to a checkpoint that TGI serves.

    python -m model.finetune --base FOLDER --questions FILE.jsonl --out FOLDER [--prompt-set cancerllm]

A line of the file is one question about one text: `{"text": "…", "question": "tumor size", "answer": "2.5"}`;
the questions are those of the prompt set, and "diagnosis". Loss is on the answer and its end alone. `--out`
gets the merged weights as safetensors with the tokenizer (what TGI, vLLM and transformers load: LoRA adapters
served unmerged switch TGI's prefix cache off), and the adapter itself in `adapter/`.

A 7B model on one GPU of 24 GB and more: `--four-bit --batch 1 --accumulate 16` (needs bitsandbytes); with
80 GB neither. docs/how-to/fine-tune.md has the steps around it.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from torch.utils.data import Dataset
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    DataCollatorForSeq2Seq,
    Trainer,
    TrainingArguments,
)

from model.checkpoint import save_model, save_tokenizer
from oncofhir.inference.prompting.prompts import PromptSet, load_prompt_set

IGNORED = -100
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]


class Questions(Dataset[dict[str, list[int]]]):
    """Token ids of prompt and answer; of the prompt no loss is taken."""

    def __init__(self, file: Path, prompts: PromptSet, tokenizer: Any, longest: int) -> None:
        self._rows = [
            row
            for prompt, answer in examples(file, prompts)
            if len((row := _encoded(tokenizer, prompt, answer))["input_ids"]) <= longest
        ]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: int) -> dict[str, list[int]]:
        return self._rows[at]


def examples(file: Path, prompts: PromptSet) -> Iterator[tuple[str, str]]:
    """(prompt, answer) of every line.

    Raises:
        ValueError: a line is no question of the prompt set; the message names its number.
    """
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            row = json.loads(line)
            if (
                not {"text", "question", "answer"} <= set(row)
                or row["question"] not in prompts.questions
            ):
                raise ValueError(f"{file}:{number} is no question of the prompt set {prompts.name}")
            yield prompts.prompt(row["question"], row["text"]), row["answer"]


def _encoded(tokenizer: Any, prompt: str, answer: str) -> dict[str, list[int]]:
    asked = tokenizer(prompt)["input_ids"]
    if asked[-1] == tokenizer.eos_token_id:
        asked = asked[:-1]
    said = [*tokenizer(answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    ids = [*asked, *said]
    return {
        "input_ids": ids,
        "attention_mask": [1] * len(ids),
        "labels": [IGNORED] * len(asked) + said,
    }


def finetune(arguments: argparse.Namespace) -> None:
    """Train the adapter, merge it, and save both."""
    gpu = torch.cuda.is_available()
    tokenizer = AutoTokenizer.from_pretrained(arguments.base, local_files_only=True)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.unk_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(
        arguments.base,
        local_files_only=True,
        dtype=torch.bfloat16 if gpu else torch.float32,
        quantization_config=_four_bit() if arguments.four_bit else None,
    )
    if arguments.four_bit:
        model = prepare_model_for_kbit_training(model)
    model = get_peft_model(
        model,
        LoraConfig(
            r=arguments.rank,
            lora_alpha=2 * arguments.rank,
            lora_dropout=0.05,
            target_modules=ATTENTION,
            task_type="CAUSAL_LM",
        ),
    )
    questions = Questions(
        arguments.questions, load_prompt_set(arguments.prompt_set), tokenizer, arguments.longest
    )
    trainer = Trainer(
        model=model,
        args=_training(arguments, gpu=gpu),
        train_dataset=questions,
        data_collator=DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=IGNORED),
    )
    result = trainer.train()
    model.save_pretrained(arguments.out / "adapter")
    if (
        arguments.four_bit
    ):  # merging into 4 bits would lose what was learned: the base is loaded again
        model = _reloaded(arguments.base, arguments.out / "adapter")
    save_model(model.merge_and_unload(), arguments.out)
    save_tokenizer(tokenizer, arguments.out)
    said = {"questions": len(questions), "loss": round(result.training_loss, 4)}
    print(json.dumps(said), file=sys.stderr)


def _training(arguments: argparse.Namespace, *, gpu: bool) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(arguments.out / "checkpoints"),
        num_train_epochs=arguments.epochs,
        max_steps=arguments.steps,
        learning_rate=arguments.lr,
        per_device_train_batch_size=arguments.batch,
        gradient_accumulation_steps=arguments.accumulate,
        gradient_checkpointing=gpu,
        bf16=gpu,
        use_cpu=not gpu,
        lr_scheduler_type="cosine",
        warmup_steps=10,
        logging_steps=10,
        save_strategy="no",
        report_to=[],
        seed=arguments.seed,
    )


def _four_bit() -> BitsAndBytesConfig:
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def _reloaded(base: Path, adapter: Path) -> Any:
    from peft import PeftModel  # noqa: PLC0415

    whole = AutoModelForCausalLM.from_pretrained(base, local_files_only=True, dtype=torch.bfloat16)
    return PeftModel.from_pretrained(whole, str(adapter))


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    options.add_argument(
        "--base", type=Path, required=True, help="folder of the model to begin with"
    )
    options.add_argument("--questions", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--prompt-set", default="cancerllm")
    options.add_argument("--epochs", type=float, default=3)
    options.add_argument("--steps", type=int, default=-1, help="ends earlier, if above 0")
    options.add_argument("--lr", type=float, default=2e-4)
    options.add_argument("--rank", type=int, default=16)
    options.add_argument("--batch", type=int, default=4)
    options.add_argument("--accumulate", type=int, default=4, help="batches a step")
    options.add_argument(
        "--longest", type=int, default=4000, help="tokens; longer ones are left out"
    )
    options.add_argument("--four-bit", action="store_true", help="QLoRA; needs a GPU, bitsandbytes")
    options.add_argument("--seed", type=int, default=1)
    return options


if __name__ == "__main__":
    finetune(parser().parse_args())
