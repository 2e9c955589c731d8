"""Rules: calls, reviews and appointments of staff."""
