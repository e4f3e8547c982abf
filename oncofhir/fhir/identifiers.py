"""Identifier systems of the resources that oncofhir writes, below one prefix that the site owns."""

from oncofhir.schemas.base import Value


class IdentifierSystems(Value):
    """The identifier systems below `prefix` (setting `FHIR__IDENTIFIER_SYSTEM`)."""

    prefix: str

    @property
    def finding(self) -> str:
        return f"{self.prefix}/finding"

    @property
    def document(self) -> str:
        """The identity of the document, on its Task."""
        return f"{self.prefix}/document"

    @property
    def message(self) -> str:
        """The reports that came in an HL7 v2 message and are on no FHIR server."""
        return f"{self.prefix}/hl7v2"

    @property
    def source(self) -> str:
        """The source resources that carry the document, on its Task."""
        return f"{self.prefix}/source"

    @property
    def head_model(self) -> str:
        """The digest of the model that last read the document, on its Task."""
        return f"{self.prefix}/head-model"

    @property
    def head_prompt_set(self) -> str:
        """The prompt set (name@version) that the document was last read with, on its Task."""
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
        """The `meta.tag` that states why a resource claims no mCODE profile."""
        return f"{self.prefix}/without-mcode-profile"

    @property
    def tumor(self) -> str:
        return f"{self.prefix}/tumor"
