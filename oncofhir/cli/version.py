"""What `oncofhir --version` prints: the parts of a run's identity that come with the package."""

import hashlib
from collections.abc import Iterator
from importlib.resources import files

from oncofhir import __version__

EMBEDDED_MODEL = "oncofhir-small"


def version_lines() -> Iterator[str]:
    """The version, the prompt sets, and the embedded model with the digest that its server reports."""
    from oncofhir.inference.prompting.prompts import load_prompt_set, prompt_set_names

    yield f"oncofhir {__version__}"
    prompt_sets = map(load_prompt_set, prompt_set_names())
    yield "prompt sets: " + ", ".join(f"{one.name}@{one.version}" for one in prompt_sets)
    weights = files("oncofhir.demo").joinpath("weights", f"{EMBEDDED_MODEL}.gguf").read_bytes()
    yield f"embedded model: {EMBEDDED_MODEL}, sha256:{hashlib.sha256(weights).hexdigest()}"
