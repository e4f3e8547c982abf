"""The context of mentions: one model for every kind (ConText, extended)."""

from oncofhir.inference.context.context_index import ContextIndex

__all__ = ["ContextIndex"]
