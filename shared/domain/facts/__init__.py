"""Facts: what happened, without personal data, as the lake keeps it and reports count it (K1-K18, X21)."""
