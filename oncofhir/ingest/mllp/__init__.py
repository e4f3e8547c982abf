"""HL7 v2 over MLLP: framing, acknowledgement, the listener."""
