"""The generated pages by file name."""

from pathlib import Path

from docs.generate.commands import commands_page
from docs.generate.dependencies import dependencies_page
from docs.generate.envelopes import envelopes_page
from docs.generate.hl7v2 import hl7v2_page
from docs.generate.metrics import metrics_page
from docs.generate.rows import rows_page
from docs.generate.settings import settings_page
from docs.generate.topics import topics_page
from oncofhir.schemas.reasons import reference_page

FOLDER = Path(__file__).parents[1] / "reference"


def pages() -> dict[str, str]:
    """Render every generated page of `docs/reference`."""
    return {
        "commands.md": commands_page(),
        "dependencies.md": dependencies_page(),
        "envelopes.md": envelopes_page(),
        "hl7v2.md": hl7v2_page(),
        "metrics.md": metrics_page(),
        "reasons.md": reference_page(),
        "rows.md": rows_page(),
        "settings.md": settings_page(),
        "topics.md": topics_page(),
    }
