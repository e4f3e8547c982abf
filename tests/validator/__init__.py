"""The emitted snapshots against R4, US Core, mCODE and AI Transparency, with HAPI's validator."""
