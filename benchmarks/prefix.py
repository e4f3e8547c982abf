"""What the order of a report's questions saves: prompt tokens that the server had to evaluate, a report.

    python -m benchmarks.prefix [--reports 4] [--words 1000]

Naive: all nine questions of the prompt set `cancerllm` together, to llama.cpp's own server with twelve slots.
Ours: the first awaited, then the others, to `oncofhir model serve` with as many. The counts are the
servers' own (`/metrics`). The model's answers mean nothing here: its window in training was 512 tokens.
llama.cpp's server finds some of a prompt in the slots of earlier ones, the naive order's too; TGI shares
nothing between prompts that arrive together, so both orders also go to a server that simulates it.
"""

import argparse
import asyncio
import json
import re
import signal
import sys

import httpx2

from benchmarks.reports import report
from oncofhir.demo.process import Process, free_port, responds
from oncofhir.inference.clients.client import ModelClient
from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.openai import OpenAiClient
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.inference.prompting.prompted_model import PromptedModel
from oncofhir.inference.prompting.prompts import load_prompt_set

GOAL = 4.0
SLOTS = 12
COUNTERS = ("llamacpp:prompt_tokens_total", "oncofhir_prompt_tokens_evaluated_total")


def server(module: str, *options: str) -> tuple[Process, str]:
    """A server of the embedded model on a free port, not started."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", *module.split(), "--port", str(port), *options]
    return Process(module.rpartition(".")[2], command, ready=lambda: responds(f"{url}/health")), url


def evaluated(url: str) -> float:
    """Prompt tokens that the server has computed so far."""
    text = httpx2.get(f"{url}/metrics", trust_env=False).text
    for name in COUNTERS:
        if found := re.search(rf"^{name} (\S+)$", text, re.MULTILINE):
            return float(found[1])
    raise LookupError("no counter of prompt tokens")


async def ask(
    client: ModelClient, prompt_set: str, seeds: range, words: int, *, naive: bool
) -> int:
    """Ask about the reports one after another; the tokens that their prompts have in all."""
    model = PromptedModel(client, load_prompt_set(prompt_set), leader_first=not naive)
    await model.identify()
    total = 0
    for seed in seeds:
        made = await model.answer(report(seed, words))
        total += sum(answer.prompt_tokens or 0 for answer in made)
    await model.aclose()
    return total


def measured(
    url: str, client: ModelClient, prompt_set: str, seeds: range, words: int, *, naive: bool
) -> tuple[float, float]:
    """Tokens evaluated and tokens asked, a report."""
    before = evaluated(url)
    asked = asyncio.run(ask(client, prompt_set, seeds, words, naive=naive))
    return (evaluated(url) - before) / len(seeds), asked / len(seeds)


def main() -> None:
    """Command line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends with us
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--reports", type=int, default=4)
    parser.add_argument("--words", type=int, default=1000)
    arguments = parser.parse_args()
    size = ("--slots", str(SLOTS), "--context-tokens", "4096")
    own, own_url = server("benchmarks.llama_server", *size)
    ours, our_url = server("oncofhir model serve", *size)
    tgi, tgi_url = server("benchmarks.simulated_model", "--speed", "20")
    with own, ours, tgi:
        rows = {}
        for at, (name, url, client, prompt_set, naive) in enumerate(
            [
                ("naive", own_url, OpenAiClient(ModelHttp(own_url)), "cancerllm", True),
                ("ours", our_url, TgiClient(ModelHttp(our_url)), "cancerllm", False),
                (
                    "leader_on_llama_server",
                    own_url,
                    OpenAiClient(ModelHttp(own_url)),
                    "cancerllm",
                    False,
                ),
                ("sentences", our_url, TgiClient(ModelHttp(our_url)), "oncofhir-small", False),
                ("naive_tgi", tgi_url, TgiClient(ModelHttp(tgi_url)), "cancerllm", True),
                ("ours_tgi", tgi_url, TgiClient(ModelHttp(tgi_url)), "cancerllm", False),
            ]
        ):
            first = 1000 * at  # other reports each time: nothing is cached from an earlier turn
            seeds = range(first, first + arguments.reports)
            rows[name] = measured(url, client, prompt_set, seeds, arguments.words, naive=naive)
    line = {
        "name": "prefix-scheduling",
        "ratio": round(rows["naive"][0] / rows["ours"][0], 2),
        "ratio_tgi_simulated": round(rows["naive_tgi"][0] / rows["ours_tgi"][0], 2),
        "goal": GOAL,
        "reports": arguments.reports,
        "prompt_tokens_a_report": round(rows["naive"][1]),
        "evaluated_a_report": {name: round(tokens) for name, (tokens, _) in rows.items()},
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
