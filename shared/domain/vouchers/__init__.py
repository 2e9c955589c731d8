"""Rules: offers, codes, redeeming and reconciliation."""
