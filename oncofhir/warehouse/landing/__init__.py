"""Reads the output topics and keeps current tables."""
