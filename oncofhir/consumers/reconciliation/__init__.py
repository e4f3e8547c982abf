"""Checks that every input record has an outcome."""
