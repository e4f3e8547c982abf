"""PDF as text."""
