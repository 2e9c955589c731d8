"""Use cases: answers from the FAQ and from a customer's own order."""
