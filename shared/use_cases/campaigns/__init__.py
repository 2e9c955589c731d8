"""Use cases: one-off sends to everybody who fits."""
