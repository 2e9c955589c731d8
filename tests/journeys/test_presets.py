"""The preset for a new Official Account, which has no quota for advertisements yet (R12)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shared.domain.messaging.policy_rules import SendingRules
from shared.runtime.factories import channels, journeys
from shared.runtime.playbook.check import check
from shared.runtime.playbook.loader import PLAYBOOK
from shared.runtime.playbook.rules import load_sending_rules, sending_rules
from tests.support.journey_customers import buys, reads, silent
from tests.support.journeys import Shop


@pytest.fixture
def new_oa(tmp_path: Path) -> SendingRules:
    """What a shop gets that takes the preset."""
    folder = tmp_path / "playbook"
    shutil.copytree(PLAYBOOK, folder)
    page = folder / "shop.yaml"
    page.write_text(page.read_text().replace("presets: []", "presets: [new_oa]"), encoding="utf-8")
    assert check(folder) == []
    return load_sending_rules(folder)


def test_r12_the_new_oa_preset_changes_nothing_but_zns_for_advertisements(new_oa: SendingRules) -> None:
    """«a `new_oa` preset works without it»"""
    shipped = sending_rules()
    assert new_oa.zns_quota.new_oa
    assert not shipped.zns_quota.new_oa
    assert new_oa.zns_quota.kept_for_orders == shipped.zns_quota.kept_for_orders
    changed = {name for name in SendingRules.model_fields if getattr(new_oa, name) != getattr(shipped, name)}
    assert changed == {"zns_quota", "orders"}
    for ours, theirs in zip(new_oa.orders, shipped.orders, strict=True):
        assert (ours.purpose, ours.older_than, ours.value) == (theirs.purpose, theirs.older_than, theirs.value)
        assert ("zns" in ours.channels) == (ours.purpose != "marketing")


def test_r12_with_the_new_oa_preset_every_journey_works_without_promotional_zns(
    new_oa: SendingRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """«new account has almost none»: the same year of a customer; orders by ZNS, the way back by e-mail and by call."""
    for place in (channels, journeys):
        monkeypatch.setattr(place, "sending_rules", lambda: new_oa)
    shop = Shop()
    guest = shop.guest(traits={"birthday": "1990-04-20"})
    shop.order(guest, "DH1")
    buys(shop, guest)
    silent(shop, 62)
    for journey in ("birthday", "winback_30", "winback_60"):
        [message] = shop.of(journey, guest)[:1]
        assert "zns" not in [line[3] for line in message["log"] if line[1] == "sent"], journey
    [message] = shop.of("winback_60", guest)[:1]
    assert shop.shows(message)[0] in ("delivered", "sent")
    reads(shop, message)
    shop.later(days=1, minutes=5)
    assert [task["kind"] for task in shop.tasks(guest, "winback_60")] == ["call"]
    assert {one.channel for one in shop.got("order", guest)} == {"zns"}
    shop.stack.close()
