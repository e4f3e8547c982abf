"""The worklist: a local index of findings, rebuilt from the store."""
