"""Rules: the matters of customers: routing, deadlines, the thread."""
