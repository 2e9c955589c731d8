"""Use cases: timed sequences of messages, tasks and offers."""
