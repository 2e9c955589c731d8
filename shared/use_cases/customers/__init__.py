"""Use cases: identities, names, traits, consent, merges and the 360° view."""
