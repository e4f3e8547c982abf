"""The structure of a report: forms, tables, lists, legends; and the text as readers see it."""

from oncofhir.inference.structure.readable import ReadableReport, readable

__all__ = ["ReadableReport", "readable"]
