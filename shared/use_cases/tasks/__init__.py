"""Use cases: calls, reviews and appointments of staff."""
