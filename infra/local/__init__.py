"""The laptop's rooms. Loggers read their level when they are made, so it is said before anything else is imported."""

import os

# A simulated year would log a million lines of routine.
os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "WARNING")
