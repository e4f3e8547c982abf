"""The demo: embedded stand-ins for broker, FHIR server and model, and the real worker among them."""
