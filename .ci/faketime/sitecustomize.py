"""Under `faketime`: its clock_nanosleep refuses what Python's time.sleep asks for, so sleep another way.

Its own remedy, to fake the monotonic clock too, lets locks with a timeout wait for years.
"""

import select
import time


def sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = sleep
