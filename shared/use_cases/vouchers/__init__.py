"""Use cases: offers, codes, redeeming and reconciliation."""
