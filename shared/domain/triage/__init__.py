"""Rules: what a message is about: intent, severity, sentiment."""
