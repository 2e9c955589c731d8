"""What is read and put inside one unit of work."""
