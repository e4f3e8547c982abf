"""Settings of reading reports: what is fetched and parsed, and the limits."""

from pathlib import Path

from pydantic import Field, PositiveFloat, PositiveInt

from oncofhir.settings.base import Group


class IntakeSettings(Group):
    """Which reports and attachments are read, and their limits."""

    allowed_origins: tuple[str, ...] = Field(
        (),
        description="Origins (scheme://host:port) from which attachments may be fetched, besides the "
        "source FHIR server. JSON list.",
    )
    max_attachment_bytes: PositiveInt = Field(
        20 * 2**20, description="Largest attachment; a larger one is dead-lettered."
    )
    max_text_characters: PositiveInt = Field(
        2_000_000, description="Longest report text; a longer one is dead-lettered."
    )
    fetch_timeout_seconds: PositiveFloat = Field(
        60.0, description="Time limit for fetching one attachment, retries included."
    )
    skip_security_labels: tuple[str, ...] = Field(
        ("R", "V"),
        description="Skip reports with one of these security labels (R: restricted, V: very "
        "restricted). JSON list.",
    )
    triage_file: Path | None = Field(
        None, description="TOML file with triage rules that replaces the built-in rules."
    )
    require_cancer: bool = Field(
        True, description="Skip reports that contain no oncology term of the triage rules."
    )
    languages: tuple[str, ...] = Field(
        ("en",),
        description="Languages that the model reads (ISO 639-1: en, de). Skip reports that are certainly "
        "in another one; an empty list reads every language. JSON list.",
    )


class ParsingSettings(Group):
    """The child processes that parse attachments. Plain UTF-8 text needs none."""

    processes: PositiveInt = Field(2, description="Child processes that parse attachments.")
    timeout_seconds: PositiveFloat = Field(
        30.0, description="Time limit for parsing one document; a slower one is dead-lettered."
    )
    memory_bytes: PositiveInt = Field(
        320 * 2**20,
        description="Address space of a child process, of which the program itself takes about 135 MiB. "
        "Enforced on Linux. With two processes the default fits into the chart's limit of 1 GiB.",
    )
    max_documents_per_process: PositiveInt = Field(
        500, description="Replace a child process after this many documents."
    )
