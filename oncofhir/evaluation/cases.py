"""Cases: reports with patterns of the values that must and must not be found.

A case is a JSON object on a line: `id`, `group`, `text`; `expected` and `acceptable`, lists of [kind, slot,
pattern]; `forbidden`, a list of [kind, slot, pattern, why]; `forbidden_icd10cm`, a pattern of codes of a
diagnosis, or null; `expected_icd10cm` and `note`, for people. A pattern is a regular expression, searched
in the value in lower case; the slot "*" or null is any.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, field_validator

from oncofhir.evaluation.dataset import DatasetError
from oncofhir.schemas.base import Value
from oncofhir.schemas.error_messages.validation import plain_messages
from oncofhir.schemas.finding import Finding, Kind

_ERRORS_SHOWN = 5
_PAIR, _TRIPLE = 3, 4


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError("no regular expression") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


class Fact(Value):
    """A finding of a kind and slot whose value a pattern matches; `why` says why it would be wrong."""

    kind: Kind
    slot: str | None
    pattern: Pattern
    why: str = ""

    def matches(self, finding: Finding) -> bool:
        """Whether a finding is this fact."""
        return (
            finding.kind is self.kind
            and self.slot in {None, "*", finding.slot}
            and re.search(self.pattern, finding.value.lower()) is not None
        )


class Case(Value):
    """A report whose facts are known."""

    id: str = Field(min_length=1)
    group: str
    text: str = Field(min_length=1, repr=False)
    expected: tuple[Fact, ...]
    forbidden: tuple[Fact, ...]
    acceptable: tuple[Fact, ...] = ()
    expected_icd10cm: Pattern | None = None
    forbidden_icd10cm: Pattern | None = None
    note: str = ""

    @field_validator("expected", "forbidden", "acceptable", mode="before")
    @classmethod
    def _of_lists(cls, rows: Any) -> list[dict[str, Any]]:
        if not isinstance(rows, list) or not all(
            isinstance(row, list) and len(row) in {_PAIR, _TRIPLE} for row in rows
        ):
            raise ValueError("a list of [kind, slot, pattern]")
        return [dict(zip(("kind", "slot", "pattern", "why"), row, strict=False)) for row in rows]

    @property
    def key(self) -> str:
        """The name of the case in results: a hash of id and text."""
        return hashlib.sha256(f"{self.id}\0{self.text}".encode()).hexdigest()[:16]


class CaseFile(Value):
    """The cases of a file; `sha256` is the hash of its bytes."""

    sha256: str
    cases: tuple[Case, ...]


def is_case_file(path: Path) -> bool:
    """Whether the first line of a file is a case and not a labelled report. Raises nothing."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = json.loads(next((line for line in file if line.strip()), "null"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "expected" in first


def read_cases(path: Path) -> CaseFile:
    """Read and check a file of cases.

    Raises:
        DatasetError: it cannot be read, has invalid lines (the first few are named), or has no case.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}") from error
    cases: list[Case] = []
    wrong: list[str] = []
    for number, line in enumerate(raw.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            cases.append(Case.model_validate(json.loads(line.decode("utf-8-sig"))))
        except (ValueError, RecursionError) as error:
            wrong.append(f"line {number}: {_said(error)}")
    known: dict[str, int] = {}
    for number, case in enumerate(cases, start=1):
        if known.setdefault(case.id, number) != number:
            wrong.append(f"case {number}: the id of case {known[case.id]} again")
    if wrong:
        more = f"; and {len(wrong) - _ERRORS_SHOWN} more" if len(wrong) > _ERRORS_SHOWN else ""
        raise DatasetError(f"{path}: " + "; ".join(wrong[:_ERRORS_SHOWN]) + more)
    if not cases:
        raise DatasetError(f"{path}: holds no case")
    return CaseFile(sha256=hashlib.sha256(raw).hexdigest(), cases=tuple(cases))


def _said(error: Exception) -> str:
    """Describe an error without a value of the file."""
    if isinstance(error, ValidationError):
        return ", ".join(plain_messages(error))
    return "not JSON in UTF-8"
