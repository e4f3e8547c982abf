"""The operators that the chart has objects for, at work on the cluster."""
