"""Commands that repair: replay dead letters, retract findings."""
