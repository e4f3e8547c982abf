"""`--model embedded|rules|URL|FOLDER`: which model a command asks, and the embedded server while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oncofhir.cli.exit_status import Exit, fail
from oncofhir.settings import ModelApi, ModelSettings

EMBEDDED = "embedded"
RULES = "rules"


def check_model(model: str) -> None:
    """End the command when `--model` is none of the four."""
    if model in {EMBEDDED, RULES} or model.startswith(("http://", "https://")):
        return
    if not Path(model).is_dir():
        fail(
            "--model is embedded, rules, an http(s) URL or a checkpoint's folder", Exit.WRONG_USAGE
        )


@contextmanager
def chosen_model(
    model: str, api: ModelApi | None, prompt_set: str | None, base: ModelSettings
) -> Iterator[ModelSettings | None]:
    """The model's settings, with the embedded server running; None for rules."""
    if model == RULES:
        yield None
    elif model == EMBEDDED:
        with _embedded() as url:
            yield _chosen(base, url, ModelApi.TGI, prompt_set or "oncofhir-small")
    elif Path(model).is_dir():
        folder = str(Path(model).resolve())
        yield _chosen(base, folder, ModelApi.TRANSFORMERS, prompt_set or base.prompt_set)
    else:
        yield _chosen(base, model, api or base.api, prompt_set or base.prompt_set)


def _chosen(base: ModelSettings, url: str, api: ModelApi, prompt_set: str) -> ModelSettings:
    from oncofhir.inference.prompting.prompts import prompt_set_names

    if prompt_set not in prompt_set_names():
        fail(
            f"no prompt set {prompt_set!r}; there are: {', '.join(prompt_set_names())}",
            Exit.WRONG_USAGE,
        )
    update = {"url": url.rstrip("/"), "api": api, "prompt_set": prompt_set}
    return base.model_copy(update=update)


@contextmanager
def _embedded() -> Iterator[str]:
    from oncofhir.demo.model_server import EmbeddedModelServer
    from oncofhir.demo.process import StartError

    try:
        with EmbeddedModelServer() as server:
            yield server.url
    except StartError as error:
        fail(
            f"{error}\nUse --model rules or --model URL, or: pip install 'oncofhir[demo]'",
            Exit.WRONG_USAGE,
        )
