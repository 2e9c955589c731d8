"""Rules: what customers write, on every channel."""
