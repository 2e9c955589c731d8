"""Templates of the playbook: what they say, and what the lint says of them."""
