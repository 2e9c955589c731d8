"""Doors: one file is one Lambda function with one kind of trigger."""
