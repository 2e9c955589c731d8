"""Rules, pure: time, ids and chance come as arguments."""
