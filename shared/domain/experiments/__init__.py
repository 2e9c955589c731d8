"""Rules: lift against a hold-out, and which variant is best."""
