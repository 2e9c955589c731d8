"""Rules: identities, names, traits, consent, merges and the 360° view."""
