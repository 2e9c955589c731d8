"""Tills and shop systems that take something from us."""
