"""DOCX as text."""
