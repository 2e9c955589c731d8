"""The roles of staff."""

from __future__ import annotations

from typing import Literal

Role = Literal["store_staff", "store_manager", "sales", "care", "manager"]


ROLES: tuple[Role, ...] = ("store_staff", "store_manager", "sales", "care", "manager")


# Roles that work in a store, and need one in the directory.
OF_A_STORE: tuple[Role, ...] = ("store_staff", "store_manager")
