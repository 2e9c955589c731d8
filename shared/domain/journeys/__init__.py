"""Rules: timed sequences of messages, tasks and offers."""
