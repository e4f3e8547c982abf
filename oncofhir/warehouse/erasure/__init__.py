"""Erases the rows of one patient from landed tables."""
