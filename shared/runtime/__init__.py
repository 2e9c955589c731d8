"""Glue: settings, keys and roles, HTTP, wiring."""
