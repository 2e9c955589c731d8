"""The reader of the playbook, and its files by subject."""
