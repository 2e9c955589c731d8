"""Proof that the plan, the templates and the assets say the same."""
