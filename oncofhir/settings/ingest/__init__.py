"""Settings of the inputs other than the bridge's HTTP endpoint."""
