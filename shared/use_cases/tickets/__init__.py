"""Use cases: the matters of customers: routing, deadlines, the thread."""
