"""The output formats of `oncofhir extract`. Apart, because the command line needs it before anything else."""

from enum import StrEnum


class OutputFormat(StrEnum):
    """What a line contains besides its source (contract, `oncofhir extract PATH…`)."""

    FINDINGS = "findings"
    REPORT = "report"
    BUNDLE = "bundle"
    ROWS = "rows"
