"""Use cases: the checklist of the first thirty days."""
