"""The outside: AWS, SQLite and providers behind the ports."""
