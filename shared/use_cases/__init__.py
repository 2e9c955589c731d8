"""Verbs: load, ask the rules, save, publish."""
