"""What generates: the seam between TGI's HTTP API and llama.cpp, or a script."""

from typing import Protocol

from oncofhir.inference.server.protocol import Generation, Info, InputToken, Parameters


class Engine(Protocol):
    """Generates text for one prompt at a time or several; bounds and errors are the app's."""

    @property
    def info(self) -> Info:
        """What `GET /info` says."""
        ...

    async def tokenize(self, text: str) -> list[InputToken]:
        """Return the tokens of a text, special ones included."""
        ...

    async def generate(self, prompt: str, parameters: Parameters) -> Generation:
        """Generate; `parameters` are valid, the prompt's length is the engine's to check.

        Raises:
            TgiError: 422, 424, or whatever the engine has to say.
        """
        ...

    async def aclose(self) -> None:
        """Free the model."""
        ...
