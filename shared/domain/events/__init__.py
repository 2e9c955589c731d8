"""Rules: the Segment tracking protocol and what a message of it says."""
