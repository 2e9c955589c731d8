"""The bot and the FAQ: what is answered, from what, and what is left to people."""
