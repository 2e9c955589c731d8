"""Rules: an order as the set of its facts, and carts."""
