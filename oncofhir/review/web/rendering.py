"""Templates of the page: Jinja2 with autoescape, and the filters for text that others wrote."""

import hashlib
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from oncofhir.review.web.phenotypes import label
from oncofhir.review.web.visible_text import visible
from oncofhir.terminology.display import diagnosis_display

_DAY_SECONDS = 86_400
_SYSTEMS = {
    "http://snomed.info/sct": "SNOMED CT",
    "http://loinc.org": "LOINC",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl": "NCIt",
    "http://unitsofmeasure.org": "UCUM",
}
_REPORT_TYPES = {"DiagnosticReport": "Report", "DocumentReference": "Document"}
STATIC_FILES = ("review.css", "review.js", "vendor/htmx-2.0.11.min.js")


def new_environment() -> Environment:
    """The templates of this package. An undefined name is an error, not an empty text."""
    environment = Environment(
        loader=PackageLoader("oncofhir.review.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        visible=visible,
        words=words,
        label=label,
        percent=percent,
        system=system_name,
        day=day,
        minute=minute,
        age=age,
        diagnosis=diagnosis_display,
        report_type=report_type,
    )
    environment.globals["assets"] = asset_version()
    return environment


def asset_version() -> str:
    """A hash of the static files, part of their addresses: browsers may keep them."""
    folder = files("oncofhir.review.web") / "static"
    digest = hashlib.sha256()
    for name in STATIC_FILES:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:12]


def words(code: object) -> str:
    """A code of ours as words: tumor-size → Tumor size."""
    return str(code).replace("-", " ").capitalize()


def report_type(reference: str) -> str:
    """What kind of report a reference names: DocumentReference/1 → Document."""
    kind = reference.partition("/")[0]
    return _REPORT_TYPES.get(kind, kind)


def percent(share: float) -> str:
    """A share between 0 and 1 as a whole percentage; only 1 itself is 100 %."""
    return f"{min(int(share * 100 + 0.5), 99 if share < 1 else 100)} %"


def system_name(uri: str) -> str:
    """The name of a code system that people use."""
    return _SYSTEMS.get(uri, uri.rstrip("/").rpartition("/")[2])


def day(when: datetime | str | None) -> str:
    """The date of a time, as in FHIR (2026-11-18)."""
    if when is None:
        return ""
    return when[:10] if isinstance(when, str) else when.date().isoformat()


def minute(when: datetime | None) -> str:
    """A time to the minute, in UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if when else ""


def age(when: datetime, now: datetime | None = None) -> str:
    """How long ago a time is: today, 1 day, 12 days."""
    days = int(((now or datetime.now(UTC)) - when).total_seconds() // _DAY_SECONDS)
    return "today" if days < 1 else f"{days} day{'s' if days > 1 else ''}"


def context_of(theme: str | None) -> dict[str, Any]:
    """What every page needs, whoever sees it."""
    return {"theme": theme if theme in {"light", "dark"} else "auto"}
