"""Rules: who works when, and notifications to them."""
