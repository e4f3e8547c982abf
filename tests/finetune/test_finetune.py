"""From the small model through LoRA to a merged checkpoint that answers; needs torch: `make finetune-test`."""

import asyncio
import json

import pytest

from model.finetune import examples, finetune, parser
from model.places import SAFETENSORS
from oncofhir.consumers.composition.model_server import build_model_client
from oncofhir.inference.clients.client import CompletionRequest
from oncofhir.inference.clients.in_process import CheckpointError, InProcessModel
from oncofhir.inference.prompting.prompts import load_prompt_set
from oncofhir.schemas.errors import RequestRejected
from oncofhir.settings import ModelApi, ModelSettings, SettingsError

# peft still asks for what transformers calls by another name now
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

TEXT = "final diagnosis: left breast, excision: invasive ductal carcinoma, grade 2, 2.3 cm."
ASKED = "tumor laterality"
TAUGHT = "zebra"  # no model says this of itself


def ask(model, text=TEXT):
    prompts = load_prompt_set("oncofhir-small")
    request = CompletionRequest(prompt=prompts.prompt(ASKED, text), max_new_tokens=8, stop=("\n",))
    return asyncio.run(model.complete(request))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    row = {"text": TEXT, "question": ASKED, "answer": TAUGHT}
    file = folder / "questions.jsonl"
    file.write_text("\n".join([json.dumps(row)] * 16))
    finetune(
        parser().parse_args(
            f"--base {SAFETENSORS} --questions {file} --out {folder / 'out'} --steps 25 --lr 1e-2 "
            "--prompt-set oncofhir-small --batch 4 --accumulate 1".split()
        )
    )
    return folder / "out"


def test_the_merged_checkpoint_answers_as_it_was_taught(tuned):
    assert ask(InProcessModel(SAFETENSORS)).text != TAUGHT
    completion = ask(InProcessModel(tuned))
    assert completion.text.strip() == TAUGHT
    assert completion.finish_reason == "stop"
    assert 0 < completion.confidence <= 1
    assert completion.prompt_tokens > 50
    assert json.loads((tuned / "config.json").read_text())["architectures"] == [
        "MistralForCausalLM"
    ]
    assert list(tuned.glob("*.safetensors"))


def test_the_adapter_on_the_base_answers_like_the_merged_one(tuned):
    settings = ModelSettings(
        api=ModelApi.TRANSFORMERS, url=str(SAFETENSORS.resolve()), adapter=tuned / "adapter"
    )

    async def go():
        model = build_model_client(settings)
        prompts = load_prompt_set("oncofhir-small")
        request = CompletionRequest(prompt=prompts.prompt(ASKED, TEXT), max_new_tokens=8)
        identity = await model.identify()
        completion = await model.complete(request)
        await model.aclose()
        return identity, completion

    identity, completion = asyncio.run(go())
    assert completion.text.strip() == TAUGHT
    base = asyncio.run(InProcessModel(SAFETENSORS).identify())
    assert identity.digest != base.digest
    assert identity.server == "transformers"


def test_a_prompt_beyond_the_window_is_rejected(tuned):
    with pytest.raises(RequestRejected):
        ask(InProcessModel(tuned), TEXT * 50)


def test_what_cannot_be_loaded_is_said(tmp_path):
    with pytest.raises(CheckpointError, match="no causal language model"):
        InProcessModel(tmp_path)
    with pytest.raises(SettingsError, match="ONCOFHIR_MODEL__URL"):
        build_model_client(ModelSettings(url=str(tmp_path)))


def test_a_line_that_is_no_question_is_named(tmp_path):
    file = tmp_path / "q.jsonl"
    file.write_text('{"text": "t", "question": "colour", "answer": "a"}\n')
    with pytest.raises(ValueError, match=r"q\.jsonl:1"):
        list(examples(file, load_prompt_set("cancerllm")))
