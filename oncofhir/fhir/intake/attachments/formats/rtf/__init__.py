"""RTF as text."""
