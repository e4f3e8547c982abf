"""Client patches."""
