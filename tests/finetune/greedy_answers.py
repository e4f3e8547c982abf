"""Greedy answers of a checkpoint, in whatever environment this is run: `python greedy_answers.py FOLDER`.

Prompts are a JSON list on stdin; the answer is a JSON object on stdout: the version of transformers, and for
each prompt its token ids, the generated ids and their log-probabilities.
"""

import json
import sys

import torch
import transformers


def main() -> None:
    """Command line."""
    folder = sys.argv[1]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    model = model.to(torch.float32).eval()
    answers = []
    for prompt in json.load(sys.stdin):
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            made = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=16, do_sample=False,
                output_scores=True, return_dict_in_generate=True, pad_token_id=0,
            )  # fmt: skip
        generated = made.sequences[0, ids.shape[1] :]
        logprobs = model.compute_transition_scores(
            made.sequences, made.scores, normalize_logits=True
        )[0]
        answers.append(
            {"prompt": ids[0].tolist(), "ids": generated.tolist(), "logprobs": logprobs.tolist()}
        )
    sys.stdout.write(json.dumps({"version": transformers.__version__, "answers": answers}))


if __name__ == "__main__":
    main()
