"""Interpretation."""
