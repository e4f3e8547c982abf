"""The bridge's HTTP endpoint: authentication, limits, answers."""
