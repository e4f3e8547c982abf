"""Spans of records, stages and messages."""
