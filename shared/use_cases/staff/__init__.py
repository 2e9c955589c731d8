"""Use cases: who works when, and notifications to them."""
