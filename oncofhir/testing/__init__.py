"""For tests of oncofhir and of its users: a model server with scripted answers."""
