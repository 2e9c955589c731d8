"""Use cases: what customers write, on every channel."""
