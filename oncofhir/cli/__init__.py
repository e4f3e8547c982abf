"""The commands: they read arguments, wire the packages, and print. They contain no domain logic."""
