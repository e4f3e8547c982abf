"""Compares findings with labels, and computes the measures."""
