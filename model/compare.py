"""Proves that the two exports answer alike: transformers over safetensors, llama.cpp over GGUF.

    python -m model.compare write 60 > build/answers.jsonl    # where torch is
    python -m model.compare check build/answers.jsonl         # where xllamacpp is

The prompts are questions on synthetic reports of the test split. `check` ends with status 1 if an answer
differs.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from model.places import SAFETENSORS
from model.questions import Question, synthetic
from oncofhir.inference.clients.client import CompletionRequest
from oncofhir.inference.prompting.prompts import load_prompt_set

NEW_TOKENS = 32
SEED = 404


def prompts(count: int) -> list[str]:
    """The prompts that both are asked."""
    rows: list[Question] = synthetic(count, SEED, "test")
    prompt_set = load_prompt_set("oncofhir-small")
    return [row.prompt(prompt_set) for row in rows[:count]]


def write(count: int) -> None:
    """Transformers' greedy answers as JSON lines on stdout."""
    import torch  # noqa: PLC0415 - only this half needs it
    from transformers import AutoTokenizer, MistralForCausalLM  # noqa: PLC0415

    model = MistralForCausalLM.from_pretrained(SAFETENSORS, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(SAFETENSORS)
    for prompt in prompts(count):
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer.encode(prompt)]])
        made = model.generate(ids, max_new_tokens=NEW_TOKENS, do_sample=False)
        answer = tokenizer.decode(made[0][ids.shape[1] :], skip_special_tokens=True)
        print(json.dumps({"prompt": prompt, "answer": answer}))


async def differences(rows: list[dict[str, str]]) -> tuple[int, list[tuple[str, str]]]:
    """How many were asked, and the pairs of answers that differ."""
    from model.local import LocalModel  # noqa: PLC0415 - only this half needs llama.cpp

    model = LocalModel()
    different = []
    for row in rows:
        request = CompletionRequest(prompt=row["prompt"], max_new_tokens=NEW_TOKENS)
        answer = (await model.complete(request)).text
        if answer.strip() != row["answer"].strip():
            different.append((row["answer"], answer))
    await model.aclose()
    return len(rows), different


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=("write", "check"))
    parser.add_argument("argument", help="write: how many; check: the file that was written")
    arguments = parser.parse_args()
    if arguments.command == "write":
        write(int(arguments.argument))
        return
    rows = [json.loads(row) for row in Path(arguments.argument).read_text().splitlines()]
    asked, different = asyncio.run(differences(rows))
    print(json.dumps({"asked": asked, "same": asked - len(different), "different": different}))
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
