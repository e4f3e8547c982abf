"""Lands the rows of the output topics in tables: DuckDB, Delta Lake, OMOP."""
