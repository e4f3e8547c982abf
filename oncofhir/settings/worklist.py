"""Settings of the worklist: its index, and how the store is followed."""

from pathlib import Path

from pydantic import Field, PositiveFloat

from oncofhir.settings.base import Group


class WorklistSettings(Group):
    """The local index of findings that `oncofhir review` lists, and the watch of the FHIR server."""

    index_file: Path = Field(
        Path("oncofhir-review.sqlite"),
        description="File of the index (SQLite). It holds references and values of findings, no words of a "
        "report, and can be deleted: it is rebuilt from the FHIR server.",
    )
    poll_seconds: PositiveFloat = Field(
        15.0, description="Time between two looks for changes on the FHIR server."
    )
    low_confidence: float = Field(
        0.6, ge=0, le=1, description="Findings below this confidence are listed as low-confidence."
    )
