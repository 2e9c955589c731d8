"""Rules: a small kernel: money, texts, durations, the lunar calendar, back-off; imports no other package."""
