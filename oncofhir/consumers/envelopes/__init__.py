"""The envelopes that reports arrive in; `oncofhir.consumers.envelope.decode` opens them all."""
