"""The registry's site as a report says it, and the diagnosis that follows from it."""

from collections import Counter
from typing import Any

from oncofhir.terminology.sites import find_sites, site_of

Labels = dict[str, Any]
# Cancers that are named by their kind and not by their site.
_OWN_NAMES = ("melanoma", "lymphoma", "mesothelioma", "thymoma", "sarcoma")
_DIAGNOSES = {"ovary": "ovarian", "testes": "testicular", "central nervous system": "brain"}


def site_said(given: str, labels: Labels) -> str | None:
    """The report's own word for the registry's site, the one it uses most."""
    label = (labels.get("tumor_site") or "").split(",")[0].strip().lower()
    site = site_of("brain" if label == "central nervous system" else label)
    if site is None:
        return label if label and label in given else None
    words = Counter(
        given[start:end] for found, start, end in find_sites(given) if found.key == site.key
    )
    return max(words, key=lambda word: words[word]) if words else None


def diagnosis_of(given: str, labels: Labels) -> str | None:
    """The like of "breast cancer"; None where the registry's site is not in the text."""
    kind = labels["cancer_type"].lower()
    own = next((name for name in _OWN_NAMES if name in kind), None)
    if own:
        return own if own in given else None
    label = (labels.get("tumor_site") or "").split(",")[0].strip().lower()
    if label in {"", "head and neck", "extremities"} or site_said(given, labels) is None:
        return None
    return f"{_DIAGNOSES.get(label, label)} cancer"
