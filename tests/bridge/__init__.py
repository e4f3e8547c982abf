"""The circle from EHR to bridge to worker and back, with servers of other makers: `make test-bridge`."""
