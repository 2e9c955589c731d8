"""What stops a command and the user can put right."""


class Trouble(Exception):
    """Told in one red line on standard error, exit code 2; the message says what is wrong and what to do."""
