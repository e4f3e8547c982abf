"""How the service tells what it does: logs and metrics, without report text, names or identifiers."""
