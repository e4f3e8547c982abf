"""A Kubernetes of this machine, built from Go modules: the chart is installed on it, not only rendered."""
