"""Settings of the ways in beside the bridge's HTTP endpoint."""
