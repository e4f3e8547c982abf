"""The envelopes that reports arrive in; `oncofhir.consumers.envelopes.decode.decode` opens them all."""
