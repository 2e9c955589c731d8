"""The POS of this deployment that takes draft orders, if one is connected."""

from __future__ import annotations

from typing import Any

from shared.ports import PosOrders
from shared.runtime import wiring


def pos() -> PosOrders | None:
    """The POS behind the account `kiotviet` (see `channels.py`), made once per process and account, or None."""
    outside = wiring.outside()
    account: dict[str, Any] | None = outside.channel_accounts.get("kiotviet")
    if account is None:
        return None

    def make() -> PosOrders:
        from shared.adapters.pos.kiotviet import KiotViet

        return KiotViet(**account, clock=outside.clock)

    return outside.memory.client("pos", account, make)
