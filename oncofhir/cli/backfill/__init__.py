"""What the commands of `oncofhir backfill` share: the run, and its progress."""
