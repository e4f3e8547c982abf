"""What is exported loads in transformers 4.51 (TGI 3.3) as in 5, and answers the same; `make finetune-test`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from model.finetune import finetune, parser
from model.places import SAFETENSORS
from oncofhir.inference.prompting.prompts import load_prompt_set

SCRIPT = Path(__file__).with_name("greedy_answers.py")
BOS = 1
TEXTS = (
    "final diagnosis: left breast, excision: invasive ductal carcinoma, grade 2, 2.3 cm.",
    "right kidney, radical nephrectomy: clear cell renal cell carcinoma. pt1b nx.",
)
pytestmark = [pytest.mark.filterwarnings("ignore::FutureWarning"), pytest.mark.timeout(900)]


def answers(python, folder):
    prompts = load_prompt_set("oncofhir-small")
    asked = [prompts.prompt(q, text) for q in prompts.questions for text in TEXTS]
    done = subprocess.run(
        [str(python), str(SCRIPT), str(folder)],
        input=json.dumps(asked), capture_output=True, text=True, timeout=600, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def old_python():
    """The interpreter of an environment with transformers 4.51, which `make finetune-test` names."""
    return os.environ["TRANSFORMERS_4_PYTHON"]


def assert_the_same(old, new):
    assert old["version"].startswith("4.51.")
    assert new["version"].startswith("5.")
    for before, now in zip(old["answers"], new["answers"], strict=True):
        assert before["prompt"] == now["prompt"]
        assert before["prompt"][0] == BOS
        assert before["prompt"][1] != BOS
        assert before["ids"] == now["ids"]
        assert before["logprobs"] == pytest.approx(now["logprobs"], abs=0.01)


def test_the_small_model(old_python):
    assert_the_same(answers(old_python, SAFETENSORS), answers(sys.executable, SAFETENSORS))


def test_the_files_name_what_older_versions_read():
    config = json.loads((SAFETENSORS / "config.json").read_text())
    assert config["rope_theta"] == config["rope_parameters"]["rope_theta"]
    assert config["torch_dtype"] == config["dtype"] == "float16"
    assert config["tie_word_embeddings"] is False
    tokenizer = json.loads((SAFETENSORS / "tokenizer_config.json").read_text())
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"
    header = (SAFETENSORS / "model.safetensors").read_bytes()[:20_000]
    assert b'"lm_head.weight"' in header


def test_a_fine_tuned_checkpoint(old_python, tmp_path):
    row = {"text": TEXTS[0], "question": "tumor laterality", "answer": "zebra"}
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join([json.dumps(row)] * 8))
    finetune(
        parser().parse_args(
            f"--base {SAFETENSORS} --questions {file} --out {tmp_path / 'out'} --steps 4 --lr 1e-2 "
            "--prompt-set oncofhir-small --batch 4 --accumulate 1".split()
        )
    )
    folder = tmp_path / "out"
    assert_the_same(answers(old_python, folder), answers(sys.executable, folder))
    assert answers(sys.executable, folder) != answers(sys.executable, SAFETENSORS)
