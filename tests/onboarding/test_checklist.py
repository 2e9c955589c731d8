"""The thirty days' checklist ticks itself from what is live, and from nothing else (N1-N5, R27)."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from infra.local.cli import app
from infra.local.commands import blueprint as command
from infra.local.stack import keys
from infra.local.stack.session import Place
from shared.domain.catalogue.product import Product
from shared.domain.tasks.task import NewTask
from shared.domain.vietnam_time import local_day
from shared.domain.vouchers.voucher import new_code
from shared.ports import Put
from shared.repositories import table_keys
from shared.repositories.api_keys import KeyGrant
from shared.repositories.event_sources import KINDS
from shared.repositories.tasks import open_task
from shared.repositories.unit_of_work import UnitOfWork
from shared.repositories.vouchers import issue
from shared.runtime.playbook.checklist import blueprint
from shared.runtime.playbook.journeys import journeys
from shared.runtime.playbook.offers import offers
from shared.runtime.playbook.templates import templates
from shared.use_cases.journeys.context import set_mode
from shared.use_cases.journeys.definitions import Mode
from shared.use_cases.onboarding.checklist_status import CHECKS
from tests.support.journeys import Shop, opened, shop

__all__ = ["opened", "shop"]

# Every requirement a line stands for, as the mission and the practice number them.
ROWS = {
    *(f"N{n}" for n in (1, 2, 3, 4, 5, 7, 10, 11, 14)),
    *(f"D{n}" for n in (1, 2, 3, 4, 6, 9, 14)),
    *(f"G{n}" for n in (1, 2, 11)),
    *(f"A{n}" for n in (1, 2, 3, 4, 8, 9, 10, 17, 18)),
    *(f"W{n}" for n in (1, 2, 3, 5)),
    *(f"R{n}" for n in (1, 4, 9, 10, 11, 12, 16, 17, 18, 19, 21, 27, 28)),
    "T1", "U1", "K8", "O4", "O5",
}  # fmt: skip
# What a shop has on its first morning: the templates that ship, and on the laptop the providers' stand-ins.
SHIPPED = {"templates_with_tags", "zalo_account", "other_channels", "brandname", "sms_templates", "zns_templates"}


def look(shop: Shop, *, deployed: bool = True) -> command.Standing:
    """The checklist of a house; a deployed stage's journeys are in shadow until somebody says otherwise."""
    stack = shop.stack
    stack.read_stream()
    queues = {"events": (stack.queues["events-dlq"], stack.queues["events"])}
    outside = stack.outside
    return command.look(
        Place(stack.table, shop.now, queues, lambda: outside.identity_key, lambda: outside.channel_accounts),
        deployed=deployed,
    )


def ticked(shop: Shop, *states: str, deployed: bool = True) -> set[str]:
    wanted = states or ("done",)
    return {line.item.id for line in look(shop, deployed=deployed).lines if line.found.state in wanted}


def numbers(shop: Shop, name: str, *, deployed: bool = True):
    return next(line.found.numbers for line in look(shop, deployed=deployed).lines if line.item.id == name)


@pytest.fixture
def morning(shop: Shop) -> Shop:
    """A shop on its first morning: nobody has looked at the do-not-call list either."""
    key = table_keys.DO_NOT_CALL_STATE
    with shop.stack.store.transaction() as db:
        db.execute("DELETE FROM items WHERE pk = ? AND sk = ?", key)
    return shop


def test_every_line_names_rows_that_exist_and_every_check_is_used():
    plan = blueprint()
    named = {row for item in plan.items for row in item.rows}
    assert named <= ROWS
    assert ROWS - named == {"N1"}  # the whole of it
    assert {item.check for item in plan.items} == CHECKS.keys()


def test_n2_n3_n4_each_layer_has_its_ten_days_and_its_lines():
    plan = blueprint()
    assert {number: layer.days for number, layer in plan.layers.items()} == {1: (1, 10), 2: (11, 20), 3: (21, 30)}
    for number in plan.layers:
        assert f"N{number + 1}" in {row for item in plan.items if item.layer == number for row in item.rows}


def test_n1_thirty_days_in_three_layers_show_what_is_live_and_what_is_left(morning: Shop):
    """«Blueprint 30 ngày dựa trên Mô hình CX Đa Kênh 3 Lớp»: no day without a layer, no layer without lines of its own
    days, and a line of each is ticked by what the shop does, never by hand."""
    plan = blueprint()
    days = [day for _, layer in sorted(plan.layers.items()) for day in range(layer.days[0], layer.days[1] + 1)]
    assert days == list(range(1, 31))
    for number, layer in plan.layers.items():
        lines = [item for item in plan.items if item.layer == number]
        assert len(lines) > 5
        for item in lines:
            assert layer.days[0] <= item.days[0] <= item.days[1] <= layer.days[1], item.id

    layers = {item.id: item.layer for item in plan.items}
    before = ticked(morning)
    guest = morning.guest()
    for days_ago in (75, 40):
        at = morning.now - timedelta(days=days_ago)
        morning.order(guest, f"H{days_ago}", at=at, context={"backfill": True}, store="Q1")  # layer 1: its data
    set_mode(morning.stack.table, look_at_journeys("birthday_voucher")[0], Mode("all"))  # layer 2: a flow goes live
    morning.until(7, days=1)  # layer 3: the morning's win-back list has somebody on it
    new = ticked(morning) - before
    assert {"history", "birthday_journey", "winback_list"} <= new
    assert {layers[line] for line in new} == {1, 2, 3}
    assert new | before < layers.keys()  # and the rest is still to be done


def test_every_line_asks_for_things_there_are_and_speaks_both_languages():
    plan = blueprint()
    for item in plan.items:
        known = {"source": KINDS, "live": tuple(templates()), "shadow": ()}.get(item.check)
        if known is not None:
            assert set(item.of) <= set(known), item.id
        for text in (item.title, item.evidence, item.missing):
            assert text.vi, item.id
            assert text.en, item.id
        assert set(re.findall(r"\{(\w+)\}", item.evidence.vi)) == set(re.findall(r"\{(\w+)\}", item.evidence.en))
    assert plan.sources.keys() == set(KINDS)


def test_r27_on_the_first_morning_everything_is_to_do_but_what_ships(morning: Shop):
    assert ticked(morning) == SHIPPED
    assert ticked(morning, "under_way") == set()
    standing = look(morning)
    assert (standing.began, standing.day) == (None, None)


def test_r27_importing_history_ticks_the_history_and_its_customers(morning: Shop):
    before = ticked(morning)
    guest = morning.guest(consent=False)
    known = ticked(morning)
    assert known - before == {"single_view", "dirt_report"}
    morning.order(guest, at=morning.now - timedelta(days=20), context={"backfill": True})
    assert ticked(morning) - known == {"history", "health"}  # from the first source on there is something to be well
    assert look(morning).day == 1


def test_r4_the_dirt_report_counts_fake_numbers_and_waits_for_reviews(morning: Shop):
    morning.guest()
    body = {"order_id": "W1", "total": 90_000, "store": "Q1", "cashier": "Hạnh", "channel": "store"}
    said = {"type": "track", "event": "Order Completed", "messageId": "w1", "userId": "0900000000"}
    morning.call("POST", "/v1/batch", {"batch": [{**said, "properties": body}]}, key="write")
    morning.stack.drain()
    assert numbers(morning, "dirt_report") == {"bad_phones": 1, "reviews": 0, "cashier": "Hạnh"}
    assert "dirt_report" in ticked(morning)


@pytest.mark.parametrize(
    ("name", "properties", "lines"),
    [
        ("Order Completed", {"order_id": "S1", "total": 500_000, "channel": "store"}, {"tills", "first_messages"}),
        ("Order Delivered", {"order_id": "S1"}, {"carriers"}),
    ],
)
def test_n5_a_source_is_ticked_by_its_first_news(morning: Shop, name: str, properties: dict, lines: set):
    guest = morning.guest(consent=False)
    before = ticked(morning)
    morning.tell(name, guest, **properties)
    assert ticked(morning) - before == lines | {"health"}


def test_n5_a_website_is_connected_when_pages_carts_and_orders_have_come(morning: Shop):
    guest = morning.guest()
    morning.cart(guest, "ao")
    assert "website" in ticked(morning, "under_way")
    morning.tell("Product Viewed", guest, sku="AO")
    morning.order(guest)
    assert "website" in ticked(morning)


def test_d14_chats_are_connected_when_somebody_wrote_on_both(morning: Shop):
    guest = morning.guest()
    before = ticked(morning)
    morning.says(guest, "chào shop", "zalo")
    assert "chats" in ticked(morning, "under_way")
    morning.says(guest, "chào shop", "messenger")
    # The bot answered both.
    assert ticked(morning) - before == {"chats", "health", "first_messages"}


def test_r10_consent_is_counted_person_by_person(morning: Shop):
    morning.customer(1, consent=True)
    morning.customer(2, consent=False)
    said = numbers(morning, "consent")
    assert said == {"granted": 1, "refused": 1, "unknown": 0, "percent": 50}
    assert "consent" in ticked(morning)


def test_r17_the_do_not_call_list_is_ticked_while_it_is_young(morning: Shop):
    before = ticked(morning)
    key = table_keys.DO_NOT_CALL_STATE
    for days, state in ((0, "done"), (7, "done"), (8, "under_way")):
        on = local_day(morning.now) - timedelta(days=days)
        morning.stack.table.write(Put({"pk": key.pk, "sk": key.sk, "checked_on": on.isoformat()}))
        assert "do_not_call_list" in ticked(morning, state)
        assert ticked(morning) - before <= {"do_not_call_list"}


def test_r12_a_template_that_zalo_disabled_is_no_longer_granted(morning: Shop):
    template = templates()["winback_60"].zns
    assert template
    key = table_keys.provider_template("zns", template.template_id)
    morning.stack.table.write(Put({"pk": key.pk, "sk": key.sk, "status": "DISABLE", "at": "2026-03-01"}))
    assert "zns_templates" in ticked(morning, "under_way")
    assert numbers(morning, "zns_templates")["refused"] == [template.name]


def test_r27_switching_a_journeys_mode_ticks_it(morning: Shop):
    before = ticked(morning)
    birthday = next(name for name in look_at_journeys("birthday_voucher"))
    for mode, state in ((Mode("staff"), "under_way"), (Mode("store", "Q1"), "under_way"), (Mode("all"), "done")):
        set_mode(morning.stack.table, birthday, mode)
        assert "birthday_journey" in ticked(morning, state)
    assert ticked(morning) - before == {"birthday_journey"}
    assert ticked(morning, "under_way") == {"all_journeys", "shadow"}


def look_at_journeys(template: str) -> list[str]:
    return [
        journey.id
        for journey in journeys().values()
        if any((wanted := step.send or step.survey) and wanted.template == template for step in journey.steps)
    ]


def test_r27_a_week_in_shadow_is_counted_from_the_first_who_entered(morning: Shop):
    set_mode(morning.stack.table, "order", Mode("shadow"))
    guest = morning.guest()
    morning.order(guest)
    said = numbers(morning, "shadow")
    assert (said["trying"] >= 1, said["decided"], said["ready"]) == (True, 1, 0)
    assert morning.received() == [] or all(one.tracking_id not in _of_order(morning) for one in morning.received())
    morning.later(days=8)
    assert numbers(morning, "shadow")["ready"] >= 1


def _of_order(shop: Shop) -> set[str]:
    return {message["message_id"] for message in shop.of("order")}


def test_r27_a_call_that_was_made_counts_for_its_store_and_a_message_that_went_out_is_a_figure(morning: Shop):
    guest = morning.guest()
    morning.order(guest, total=9_000_000, store="Q1", payment="transfer")
    morning.later(minutes=5)
    said = numbers(morning, "first_messages", deployed=False)
    assert said["messages"] == len(morning.received()) >= 1
    assert said["cost"] == sum(message["cost"] for message in morning.messages())
    assert "first_messages" in ticked(morning)
    calls = [task for task in morning.tasks(guest) if task["kind"] == "call"]
    assert numbers(morning, "vip_calls")["calls"] == 0
    for task in calls:
        morning.finish(task, "reached")
    assert numbers(morning, "vip_calls")["calls"] == len(calls) == 1
    assert "vip_calls" in ticked(morning, "under_way")


def test_health_is_ticked_where_nothing_stands_in_the_way(morning: Shop):
    guest = morning.guest()
    morning.order(guest, channel="store")
    assert "health" in ticked(morning)
    morning.stack.queues["events"].send(["nonsense"])
    morning.stack.drain()
    assert "health" in ticked(morning, "under_way")
    assert numbers(morning, "health")["letters"] == 1


def test_x5_the_command_shows_every_line_and_tells_machines_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, ["blueprint"], env={"COLUMNS": "160"})
    assert shown.exit_code == 0, shown.output
    told = CliRunner().invoke(app, ["blueprint", "--json"])
    answer = json.loads(told.stdout)
    plan = blueprint()
    assert [item["id"] for item in answer["items"]] == [item.id for item in plan.items]
    for item in plan.items:
        assert item.title.vi.split()[0] in shown.output
    assert sum(layer["items"] for layer in answer["layers"].values()) == len(plan.items)
    for item in answer["items"]:
        assert (item["missing"] is None) == (item["state"] == "done")


def test_w1_g11_the_mornings_list_and_the_shops_own_cut_offs_tick_their_lines(morning: Shop):
    guest = morning.guest(consent=False)
    for days in (75, 40):
        morning.order(guest, f"H{days}", at=morning.now - timedelta(days=days), context={"backfill": True}, store="Q1")
    assert not {"winback_list", "labels"} & ticked(morning)
    assert "labels" in ticked(morning, "under_way")
    morning.until(7, days=1)
    assert "winback_list" in ticked(morning)
    assert numbers(morning, "winback_list") | {"on": ""} == {"listed": 1, "vip": 0, "on": "", "at_risk": 1}
    morning.later(days=7)  # over a Sunday night
    assert "labels" in ticked(morning)


def test_a10_an_alarm_is_answered_in_time_or_shows(morning: Shop):
    guest = morning.guest()
    uow = UnitOfWork(morning.stack.table)
    task_id = open_task(uow, NewTask(guest.id, "low", "alarm", "1/5", morning.now + timedelta(hours=4)), morning.now)
    uow.commit()
    assert numbers(morning, "complaints") == {"alarms": 1, "answered": 0, "overdue": 0}
    morning.later(hours=5)
    assert numbers(morning, "complaints")["overdue"] == 1
    assert "complaints" in ticked(morning, "under_way")
    morning.finish({"task_id": task_id}, "reached")
    assert "complaints" in ticked(morning)


def test_r4_a_review_keeps_the_dirt_report_open(morning: Shop):
    guest = morning.guest()
    uow = UnitOfWork(morning.stack.table)
    open_task(uow, NewTask(guest.id, "look", "review", "shared_phone", morning.now), morning.now)
    uow.commit()
    assert numbers(morning, "dirt_report")["reviews"] == 1
    assert "dirt_report" in ticked(morning, "under_way")


def test_r18_a_campaign_ticks_its_line_once_it_runs(morning: Shop):
    morning.guest()
    content = {"template": "winback_30", "variables": {"new_url": "https://nhamay.example"}, "channels": ["email"]}
    made = morning.call("POST", "/v1/campaigns", {"name": "11.11", "content": content})
    assert numbers(morning, "first_campaign") == {"campaigns": 1, "sent": 0, "drafts": 1}
    assert "first_campaign" in ticked(morning, "under_way")
    manager = keys.issue(morning.stack, KeyGrant("api", "manager", ["manager"]))
    path = f"/v1/campaigns/{made['campaign_id']}/approve"
    assert morning.stack.http("POST", path, "", {"authorization": f"Bearer {manager}"}, b"")[0] == 200
    morning.later(minutes=2)
    assert "first_campaign" in ticked(morning)
    assert numbers(morning, "first_campaign")["sent"] == 1


def test_r21_vouchers_tick_their_line_when_one_comes_back(morning: Shop):
    guest = morning.guest()
    uow = UnitOfWork(morning.stack.table)
    code = new_code("SN", "0" * 24)
    issue(uow, offers(), "birthday", guest.id, code, morning.now, journey="birthday", run="1", step="gift")
    uow.commit()
    assert numbers(morning, "vouchers_return") == {
        "issued": 1,
        "redeemed": 0,
        "redeemed_value": 0,
        "liability": 100_000,
    }
    assert "vouchers_return" in ticked(morning, "under_way")
    morning.order(guest, "V1", 400_000, channel="store", coupon=code, discount=100_000)
    assert numbers(morning, "vouchers_return") == {
        "issued": 1,
        "redeemed": 1,
        "redeemed_value": 100_000,
        "liability": 0,
    }
    assert "vouchers_return" in ticked(morning)


def test_r9_importing_the_catalogue_ticks_it(morning: Shop):
    before = ticked(morning)
    morning.sell(Product(sku="AO", name="Áo"))
    assert ticked(morning) - before == {"catalogue", "health"}
