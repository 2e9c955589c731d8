"""Rules: the checklist of the first thirty days."""
