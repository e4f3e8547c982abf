"""`--model embedded|rules|URL|FOLDER`: the settings of the model that a command uses."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from oncofhir.cli.exit_status import ExitStatus, fail
from oncofhir.cli.options import ModelApiChoice
from oncofhir.cli.output import note

if TYPE_CHECKING:
    from oncofhir.settings import ModelApi, ModelSettings

EMBEDDED = "embedded"
RULES = "rules"


def check_model(model: str) -> None:
    """Exit with status 2 if `--model` is none of the four."""
    if model in {EMBEDDED, RULES} or model.startswith(("http://", "https://")):
        return
    if not Path(model).is_dir():
        fail(
            "--model must be embedded, rules, an http(s) URL or the folder of a checkpoint",
            ExitStatus.WRONG_USAGE,
        )


@contextmanager
def chosen_model(
    model: str, api: ModelApiChoice | None, prompt_set: str | None, base: "ModelSettings"
) -> Iterator["ModelSettings | None"]:
    """The settings of the model, while the embedded server runs if it is chosen; None for rules."""
    from oncofhir.settings import ModelApi

    if model == RULES:
        yield None
    elif model == EMBEDDED:
        with _embedded() as url:
            yield _chosen(base, url, ModelApi.TGI, prompt_set or "oncofhir-small")
    elif Path(model).is_dir():
        folder = str(Path(model).resolve())
        yield _chosen(base, folder, ModelApi.TRANSFORMERS, prompt_set or base.prompt_set)
    else:
        chosen_api = ModelApi(api.value) if api else base.api
        chosen = _chosen(base, model, chosen_api, prompt_set or base.prompt_set)
        if prompt_set is None and "prompt_set" not in base.model_fields_set:
            chosen = _with_prompt_set_of_model(chosen)
        yield chosen


def _with_prompt_set_of_model(settings: "ModelSettings") -> "ModelSettings":
    """Return the settings with the prompt set of the model that the server names, if it is known."""
    from oncofhir.consumers.composition.model_server import served_prompt_set

    own = asyncio.run(served_prompt_set(settings))
    if own is None or own == settings.prompt_set:
        return settings
    note(f"prompt set {own}, because the server reports that model")
    return settings.model_copy(update={"prompt_set": own})


def _chosen(base: "ModelSettings", url: str, api: "ModelApi", prompt_set: str) -> "ModelSettings":
    from oncofhir.inference.prompting.prompts import prompt_set_names

    if prompt_set not in prompt_set_names():
        fail(
            f"no prompt set {prompt_set!r}; there are: {', '.join(prompt_set_names())}",
            ExitStatus.WRONG_USAGE,
        )
    update = {"url": url.rstrip("/"), "api": api, "prompt_set": prompt_set}
    return base.model_copy(update=update)


@contextmanager
def _embedded() -> Iterator[str]:
    from oncofhir.demo.model_server import EmbeddedModelServer
    from oncofhir.demo.process import StartError
    from oncofhir.settings.extras import install_hint

    try:
        with EmbeddedModelServer() as server:
            yield server.url
    except StartError as error:
        fail(
            f"{error}\nUse --model rules or --model URL. {install_hint('demo')}",
            ExitStatus.WRONG_USAGE,
        )
