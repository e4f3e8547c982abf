"""The data files, read once: codes with their display and source."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from oncofhir.schemas.finding import Coding

SNOMED_CT = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"


@cache
def concepts(name: str) -> tuple[dict[str, Any], ...]:
    """The concepts of `data/<name>.json`."""
    file = files("oncofhir.terminology").joinpath("data", f"{name}.json")
    return tuple(json.loads(file.read_text(encoding="utf-8"))["concepts"])


def coding(concept: dict[str, Any]) -> Coding:
    """The code of a concept, with its display."""
    return Coding(system=concept["system"], code=concept["code"], display=concept["display"])


@cache
def by_label(name: str) -> dict[str, Coding]:
    """The codes of a file whose concepts have labels, such as "pT2"."""
    return {concept["label"].lower(): coding(concept) for concept in concepts(name)}


@cache
def by_code(name: str) -> dict[str, Coding]:
    """The codes of a file, by code."""
    return {concept["code"]: coding(concept) for concept in concepts(name)}


@cache
def by_words(name: str) -> dict[str, Coding]:
    """The codes of a file by display and synonyms, in lower case, without the semantic tag."""
    words: dict[str, Coding] = {}
    for concept in concepts(name):
        display = concept["display"].lower().split(" (")[0]
        for word in (*concept.get("synonyms", ()), display):
            words.setdefault(word.lower(), coding(concept))
    return words
