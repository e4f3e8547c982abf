"""The interface between TGI's HTTP API and what generates: llama.cpp, or a script."""

from typing import Protocol

from oncofhir.inference.server.protocol import Generation, Info, InputToken, Parameters


class Engine(Protocol):
    """Generates text for one or several prompts at a time; the application checks limits and maps errors."""

    @property
    def info(self) -> Info:
        """Return the response of `GET /info`."""
        ...

    async def tokenize(self, text: str) -> list[InputToken]:
        """Return the tokens of a text, special ones included."""
        ...

    async def generate(self, prompt: str, parameters: Parameters) -> Generation:
        """Generate. `parameters` are valid; the engine checks the length of the prompt.

        Raises:
            TgiError: 422, 424, or another status that the engine returns.
        """
        ...

    async def aclose(self) -> None:
        """Free the model."""
        ...
