"""Rules: one-off sends to everybody who fits."""
