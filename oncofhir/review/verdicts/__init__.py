"""Verdicts: checked, written to the store in one transaction, published."""
