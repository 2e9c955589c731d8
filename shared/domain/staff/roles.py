"""The roles of staff."""

from __future__ import annotations

from typing import Literal

Role = Literal["store_staff", "store_manager", "sales", "care", "manager"]


ROLES: tuple[Role, ...] = ("store_staff", "store_manager", "sales", "care", "manager")


# Whose place is a store, so that nobody knows what to do with them without one.
OF_A_STORE: tuple[Role, ...] = ("store_staff", "store_manager")
