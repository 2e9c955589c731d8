"""Use cases: what a message is about: intent, severity, sentiment."""
