"""FHIR Subscriptions: notifications, event numbers, and events that did not arrive."""
