"""Use cases: what to sell inside a ticket, and why."""
