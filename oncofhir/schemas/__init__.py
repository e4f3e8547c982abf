"""What flows between the rooms: frozen pydantic models, typed errors, reason codes.

Imports nothing of ours.
"""
