"""The prompt set that a model was trained on, by the model's name."""

import tomllib
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files


def prompt_set_of(model_name: str) -> str | None:
    """Return the prompt set of a model by the name that its server reports; None if it is not known."""
    return next(
        (
            prompt_set
            for prompt_set, patterns in _patterns().items()
            if any(fnmatch(model_name.lower(), pattern) for pattern in patterns)
        ),
        None,
    )


@cache
def _patterns() -> dict[str, list[str]]:
    file = files("oncofhir.inference.prompting").joinpath("model_prompt_sets.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))
