"""Events for the input topics, acknowledged before anything else is."""
