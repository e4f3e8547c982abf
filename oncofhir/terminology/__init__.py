"""Concepts, codes and words of oncology; used by inference and by the FHIR output.

Every code comes from a data file that names its source. No match: no code.
"""

TERMINOLOGY_VERSION = "2026.11.9"
