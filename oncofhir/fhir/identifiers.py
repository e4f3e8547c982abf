"""The identifier systems of all that is written, below one prefix that the site owns."""

from oncofhir.schemas.base import Value


class IdentifierSystems(Value):
    """`prefix` is `FHIR__IDENTIFIER_SYSTEM`."""

    prefix: str

    @property
    def finding(self) -> str:
        return f"{self.prefix}/finding"

    @property
    def document(self) -> str:
        """Of the head: the document's identity."""
        return f"{self.prefix}/document"

    @property
    def source(self) -> str:
        """Of the head: the source resources that show the document."""
        return f"{self.prefix}/source"

    @property
    def head_model(self) -> str:
        """Of the head: the digest of the model that read the document last."""
        return f"{self.prefix}/head-model"

    @property
    def head_prompt_set(self) -> str:
        """Of the head: the prompt set, name@version, that it was read with."""
        return f"{self.prefix}/head-prompt-set"

    @property
    def model(self) -> str:
        return f"{self.prefix}/ai-model"

    @property
    def model_card(self) -> str:
        return f"{self.prefix}/ai-model-card"

    @property
    def software(self) -> str:
        return f"{self.prefix}/software"

    @property
    def prompt_set(self) -> str:
        return f"{self.prefix}/prompt-set"

    @property
    def unprofiled(self) -> str:
        """Of `meta.tag`: why a resource claims no mCODE profile."""
        return f"{self.prefix}/without-mcode-profile"

    @property
    def tumor(self) -> str:
        return f"{self.prefix}/tumor"
