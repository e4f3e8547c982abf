"""What is read of reports, and within which limits."""

from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt

from oncofhir.settings.base import Group


class IntakeSettings(Group):
    """What may be read, and how much of it."""

    allowed_origins: tuple[str, ...] = Field(
        (),
        description="origins (scheme://host:port) attachments may be fetched from, beside the source",
    )
    max_attachment_bytes: PositiveInt = 20 * 2**20
    max_text_characters: PositiveInt = 2_000_000
    fetch_seconds: PositiveFloat = Field(
        60.0, description="how long fetching one attachment may take in all"
    )
    skip_security_labels: tuple[str, ...] = Field(
        ("R", "V"), description="codes of security labels whose reports are skipped"
    )
    triage_file: Path | None = Field(
        None, description="a triage policy (TOML) in place of the one that comes with oncofhir"
    )
    require_cancer: bool = Field(True, description="skip reports without any trigger of oncology")


class ParsingSettings(Group):
    """The child processes that attachments are parsed in; plain UTF-8 text needs none."""

    processes: PositiveInt = 2
    seconds: PositiveFloat = Field(30.0, description="how long one document may be parsed")
    memory_bytes: PositiveInt = Field(
        2 * 2**30, description="address space of a child (enforced on Linux)"
    )
    documents_a_child: PositiveInt = Field(
        500, description="a child is replaced after so many documents"
    )
