"""Use cases: what the lake is told, how it is compacted, and which of its files are read."""
