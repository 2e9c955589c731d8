"""Rules: products and what is known of them."""
