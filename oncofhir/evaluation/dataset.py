"""Labelled reports: JSON lines of `id`, `text`, `labels`; optionally `diagnosis`, `cancer_type`, `source`.

In `labels` and for `diagnosis`, null is known absent, and a missing key is not labelled. A stage labels the
components that it names ("pT2 pN1a" says nothing of M); null labels all four as absent.
"""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from oncofhir.inference.mentions.stage import stages
from oncofhir.schemas.base import Value
from oncofhir.schemas.error_messages.validation import plain_messages

Receptor = Literal["ER", "PR", "HER2"]
Status = Literal["positive", "negative", "equivocal"]
RECEPTORS: tuple[Receptor, ...] = ("ER", "PR", "HER2")
STAGE_PARTS = ("t", "n", "m", "group")
_ERRORS_SHOWN = 5


class DatasetError(Exception):
    """The dataset cannot be used; the message names lines and keys, and no values."""


class Phenotype(StrEnum):
    """The eight questions of the paper that are scored, diagnosis included."""

    SIZE = "tumor_size"
    SITE = "tumor_site"
    LATERALITY = "tumor_laterality"
    GRADE = "cancer_grade"
    HISTOLOGY = "histological_type"
    STAGE = "cancer_stage"
    RECEPTORS = "hormone_receptors"
    DIAGNOSIS = "diagnosis"


class Item(Value):
    """The subject of a label: a phenotype, with its receptor (ER) or stage component (t) if it has one."""

    phenotype: Phenotype
    slot: str | None = None

    @property
    def name(self) -> str:
        """The name in results: `hormone_receptors/ER`."""
        return f"{self.phenotype}/{self.slot}" if self.slot else str(self.phenotype)


ITEMS: tuple[Item, ...] = tuple(
    Item(phenotype=phenotype, slot=slot)
    for phenotype in Phenotype
    for slot in {Phenotype.RECEPTORS: RECEPTORS, Phenotype.STAGE: STAGE_PARTS}.get(
        phenotype, (None,)
    )
)
Gold = Mapping[Item, str | None]


class Labels(Value):
    """The labels of a report."""

    tumor_size: str | None = Field(None, min_length=1)
    tumor_site: str | None = Field(None, min_length=1)
    tumor_laterality: Literal["left", "right", "bilateral", "midline"] | None = None
    cancer_grade: str | None = Field(None, min_length=1)
    histological_type: str | None = Field(None, min_length=1)
    cancer_stage: str | None = Field(None, min_length=1)
    hormone_receptors: dict[Receptor, Status | None] | None = None

    @field_validator("cancer_stage")
    @classmethod
    def _names_a_component(cls, stage: str | None) -> str | None:
        if stage is not None and not stage_components(stage):
            raise ValueError("no TNM category and no stage group")
        return stage


class LabelledReport(Value):
    """A line of a dataset: a report with its labels."""

    id: str = Field(min_length=1)
    text: str = Field(min_length=1, repr=False)
    labels: Labels
    diagnosis: str | None = Field(None, min_length=1)
    cancer_type: str | None = None
    source: str | None = None

    def gold(self) -> dict[Item, str | None]:
        """The labelled values by item; None means known absent."""
        labels = self.labels
        gold: dict[Item, str | None] = {}
        for phenotype in Phenotype:
            if phenotype.value not in (labels.model_fields_set | self.model_fields_set):
                continue
            item = Item(phenotype=phenotype)
            if phenotype is Phenotype.DIAGNOSIS:
                gold[item] = self.diagnosis
            elif phenotype is Phenotype.RECEPTORS:
                statuses = labels.hormone_receptors
                known = dict.fromkeys(RECEPTORS) if statuses is None else statuses
                gold |= {Item(phenotype=phenotype, slot=s): v for s, v in known.items()}
            elif phenotype is Phenotype.STAGE:
                stage = labels.cancer_stage
                parts = dict.fromkeys(STAGE_PARTS) if stage is None else stage_components(stage)
                gold |= {Item(phenotype=phenotype, slot=s): v for s, v in parts.items()}
            else:
                gold[item] = getattr(labels, phenotype.value)
        return gold

    @property
    def key(self) -> str:
        """The name of the report in results: a hash of id and text."""
        return hashlib.sha256(f"{self.id}\0{self.text}".encode()).hexdigest()[:16]


class Dataset(Value):
    """The reports of a file; `sha256` is the hash of its bytes."""

    sha256: str
    reports: tuple[LabelledReport, ...]


def stage_components(stage: str) -> dict[str, str | None]:
    """Parse "pT2 pN1a", "IIB" or "pT1 pN0, stage IA" into components by slot."""
    found: dict[str, str | None] = {}
    for mention in (*stages(f"stage {stage}"), *stages(f"TNM {stage}"), *stages(stage)):
        found.setdefault(mention.slot or "group", mention.value)
    return found


def read_dataset(path: Path) -> Dataset:
    """Read and check a file.

    Raises:
        DatasetError: it cannot be read, has invalid lines (the first few are named), or has no report.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}") from error
    reports: list[LabelledReport] = []
    wrong: list[str] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(raw.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            report = LabelledReport.model_validate(_object(line), strict=True)
        except (ValueError, RecursionError) as error:
            wrong.append(f"line {number}: {_said(error)}")
            continue
        if report.id in seen:
            wrong.append(f"line {number}: the id of line {seen[report.id]} again")
        seen.setdefault(report.id, number)
        reports.append(report)
    if wrong:
        more = f"; and {len(wrong) - _ERRORS_SHOWN} more" if len(wrong) > _ERRORS_SHOWN else ""
        raise DatasetError(f"{path}: " + "; ".join(wrong[:_ERRORS_SHOWN]) + more)
    if not reports:
        raise DatasetError(f"{path}: holds no report")
    return Dataset(sha256=hashlib.sha256(raw).hexdigest(), reports=tuple(reports))


def _object(line: bytes) -> dict[str, object]:
    value = json.loads(line.decode("utf-8-sig"))
    if not isinstance(value, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - one error for every wrong line
    return value


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return ", ".join(plain_messages(error))
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON (column {error.colno})"
    return str(error) or "not JSON"
