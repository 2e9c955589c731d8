"""A journey is checked before it is live: every mistake is named with file, line, field and what was expected."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from infra.local.cli import app
from shared.runtime.playbook.check import check
from shared.runtime.playbook.journeys import load_journeys
from shared.runtime.playbook.loader import PLAYBOOK, PlaybookError

GOOD = """\
id: good
title: {vi: Gặp lại, en: Come back}
aim: Khách quay lại mua
trigger: {event: Lifecycle Changed, where: {fact: event.to, is: lapsed_60}}
keep_while: {fact: customer.lifecycle, in: [lapsed_60, lapsed_90]}
goal: {event: Order Completed, within: 14d}
exits:
  - {event: Order Cancelled, because: cancelled}
holdout_percent: 10
variants: {plain: 1, warm: 1}
ends_after: 30d
steps:
  - id: gift
    offer: winback_60
  - id: write
    send: {template: winback_60, channels: [zalo, email]}
  - id: opened
    wait: {for: 1d, until: {fact: message.write, reached: opened}, then: ask}
  - id: who
    branch:
      - {when: {fact: customer.value, in: [vip, loyal]}, go: call}
      - {when: {fact: run.variant, is: plain}, go: nothing}
  - id: ask
    wait: {for: 2d, at: "09:00"}
  - id: call
    task: {kind: call, title: "Gọi khách", reason: "Im lặng {customer.days_silent} ngày", script: call_winback}
  - id: called
    wait: {for: 2d, until: {fact: task.call, known: true}}
  - id: again
    branch: [{when: {fact: task.call, is: no_answer}, go: ask}]
  - id: nothing
    end: done
"""


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    shutil.copytree(PLAYBOOK, tmp_path / "playbook")
    for folder in ("journeys", "presets"):
        shutil.rmtree(tmp_path / "playbook" / folder, ignore_errors=True)
    (tmp_path / "playbook" / "journeys").mkdir()
    rank(tmp_path / "playbook", "good")
    return tmp_path / "playbook"


def rank(playbook: Path, *journeys: str) -> None:
    """Let these journeys be the only ones with a place among the priorities."""
    sending = playbook / "sending.yaml"
    rules = yaml.safe_load(sending.read_text(encoding="utf-8"))
    rules["priorities"] = {name: n for n, name in enumerate(journeys, start=1)}
    sending.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")


@pytest.fixture
def mistakes(playbook: Path) -> Callable[[str], list[str]]:
    """Write a journey and answer with what is wrong with it."""

    def of(text: str, name: str = "good") -> list[str]:
        (playbook / "journeys" / f"{name}.yaml").write_text(text, encoding="utf-8")
        return [str(mistake) for mistake in check(playbook, "journeys/*")]

    return of


def test_what_ships_has_no_mistake():
    assert [str(mistake) for mistake in check(PLAYBOOK)] == []


def test_the_example_itself_is_clean(mistakes: Callable[..., list[str]]):
    assert mistakes(GOOD) == []


# Show 6 of issue 4: (what stands in the good file, what stands there instead, what is said of it).
TWENTY = [
    ("aim: Khách quay lại mua\n", "",
     ":1: aim: is missing"),
    ("keep_while:", "keep_if:",
     ":5: keep_if: there is no such field; did you mean keep_while? Fields are id, title, aim, trigger, limit, "
     "keep_while, goal, exits, holdout_percent, variants, choose, ends_after, steps"),
    ("ends_after: 30d", "ends_after: 30 days",
     ":11: ends_after: must be a span such as 30m, 12h or 2d"),
    ("    wait: {for: 2d, at: \"09:00\"}", "    wait: {for: 2d, at: 19:30}",
     ":24: steps.4.wait.at: must be a local time in quotes, such as \"09:00\""),
    ("    offer: winback_60\n", "    offer: winback_60\n    end: done\n",
     ":13: steps.0: needs exactly one of wait, branch, send, task, offer, survey, tag, deal, end"),
    ("task: {kind: call,", "task: {kind: phone,",
     ":26: steps.5.task.kind: must be 'call', 'deposit', 'check_delivery', 'alarm' or 'other', and is "
     "\"phone\""),
    ("holdout_percent: 10", "holdout_percent: ten",
     ":9: holdout_percent: must be a whole number, and is \"ten\""),
    ("exits:\n", "exits:\n  - {event: [], because: cancelled}\n",
     ":8: exits.0.event: must be at least 1 long, and is []"),
    ("trigger: {event: Lifecycle Changed,", "trigger: {event: Lifecycle Change,",
     ":4: trigger.event: nobody tells of Lifecycle Change; did you mean Lifecycle Changed?"),
    ("fact: event.to,", "fact: event.two,",
     ":4: trigger.where.fact: Lifecycle Changed says no two; did you mean to?"),
    ("is: lapsed_60}", "is: lapsed60}",
     ":4: trigger.where.is: event.to is never lapsed60; did you mean lapsed_60?"),
    ("keep_while: {fact: customer.lifecycle,", "keep_while: {fact: customer.livecycle,",
     ":5: keep_while.fact: there is no fact customer.livecycle; did you mean customer.lifecycle?"),
    ("in: [vip, loyal]}", "at_least: 3}",
     ":21: steps.3.branch.0.when.at_least: compares numbers, and customer.value is a text"),
    ("then: ask}", "then: asks}",
     ":18: steps.2.wait.then: there is no step asks; did you mean ask?"),
    ("fact: message.write, reached", "fact: message.gift, reached",
     ":18: steps.2.wait.until.fact: message.gift: there is no send or survey step gift; there are write"),
    ("template: winback_60, channels: [zalo, email]", "template: winback_6, channels: [zalo, email]",
     ":16: steps.1.send.template: there is no template winback_6; did you mean winback_60?"),
    ("channels: [zalo, email]", "channels: [zalo, whatsapp]",
     ":16: steps.1.send.channels.1: winback_60 says nothing on whatsapp; it has zns, zalo, email, messenger, "
     "web, call"),
    ("    offer: winback_60\n", "    tag: {add: asked}\n",
     ":16: steps.1.send.template: winback_60 needs voucher, gift, valid_until, offer_url, and nothing fills "
     "it; make an offer before"),
    ("goal: {event: Order Completed, within: 14d}\n", "",
     ":15: steps.1.send.template: winback_60 is marketing, and the journey has no goal; say what it is for"),
    ("wait: {for: 2d, ", "wait: {after: 2d, ",
     ":23: steps.4.id: ask comes round again without a wait: for"),
]  # fmt: skip


def test_x5_twenty_mistakes_get_twenty_clear_messages(playbook: Path):
    expected = []
    for n, (before, after, told) in enumerate(TWENTY, start=1):
        spoiled = GOOD.replace(before, after)
        assert spoiled != GOOD
        name = f"journey_{n:02d}"
        text = spoiled.replace("id: good", f"id: {name}")
        (playbook / "journeys" / f"{name}.yaml").write_text(text, encoding="utf-8")
        expected.append(f"journeys/{name}.yaml{told}")
    rank(playbook, *(f"journey_{n:02d}" for n in range(1, 21)))

    assert len(TWENTY) == 20
    assert [str(mistake) for mistake in check(playbook, "journeys/*")] == expected


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        # the file
        ("aim:", "aim: a\naim:", "good.yaml:4: aim: stands here a second time"),
        ("{vi: Gặp lại, en: Come back}", "{vi: Gặp lại", "good.yaml:3: is no YAML: "),
        ("id: good", "id: other", "good.yaml:1: id: is other, and must be the file's name, good"),
        ("is: lapsed_60}", "is: [lapsed_60]}",
         "good.yaml:4: trigger.where.is: must be a text or a whole number or true"),
        ("is: lapsed_60}", "is: lapsed_60, has: x}", "trigger.where: needs exactly one of is, is_not, in"),
        ("id: write", "id: Write", "steps.1.id: must be a name such as after_7_days"),
        ("\nsteps:\n", "\nsteps: []\nmore:\n", "good.yaml:12: steps: must be at least 1 long, and is []"),
        ("customer.lifecycle,", "lifecycle,", "keep_while.fact: must be a fact such as customer.orders, and is"),
        ("{for: 2d, at:", "{for: 2d, before: 1d, at:", "steps.4.wait.before: goes with date only"),
        # the way through the steps
        ("id: called", "id: call", "steps.6.id: call is the name of step 6 already"),
        ("go: ask}", "go: aks}", "steps.7.branch.0.go: there is no step aks; did you mean ask?"),
        ("go: nothing}", "go: call}\n      - {go: nothing}\n      - {go: ask}",
         "steps.3.branch.3: comes after the way without when, which takes all"),
        ("    end: done\n", "    end: done\n  - id: lost\n    tag: {add: lost}\n", "steps.9.id: nothing leads to lost"),
        ("wait: {for: 2d, at", "wait: {date: customer.last_order_on, missed: passed, at",
         "steps.4.wait.missed: there is no step passed; there are nothing, again, called"),
        # facts
        ("customer.lifecycle,", "customers.lifecycle,",
         "keep_while.fact: there is no fact customers.lifecycle; did you mean customer.lifecycle?"),
        ("customer.lifecycle,", "customer.xyz,",
         "keep_while.fact: there is no fact customer.xyz; customer has lifecycle"),
        ("{customer.days_silent}", "{days}",
         "steps.5.task.reason: {days} is no fact; a fact is written {customer.orders}"),
        ("{customer.days_silent}", "{customer.silent}", "steps.5.task.reason: there is no fact customer.silent"),
        ("{customer.days_silent}", "{order.total}",
         "steps.5.task.reason: order.total is not known here: Lifecycle Changed says no order_id"),
        ("{customer.days_silent}", "{answer.write}",
         "steps.5.task.reason: answer.write: there is no survey step write"),
        ("fact: customer.value, in:", "fact: task.call, in:",
         "steps.3.branch.0.when.fact: task.call is not known here"),
        ("fact: customer.value, in: [vip, loyal]", "fact: customer.tags, is: vip",
         "steps.3.branch.0.when.is: customer.tags is a list; ask has or lacks"),
        ("fact: customer.value, in: [vip, loyal]", "fact: customer.city, has: vip",
         "steps.3.branch.0.when.has: looks into a list, and customer.city is a text; ask is or in"),
        ("fact: customer.value, in: [vip, loyal]", "fact: customer.orders, is: ba",
         "steps.3.branch.0.when.is: customer.orders is a number, and 'ba' is none"),
        ("fact: customer.value, in: [vip, loyal]", "fact: customer.orders, at_least: customer.city",
         "steps.3.branch.0.when.at_least: customer.city is no number"),
        ("fact: customer.value, in: [vip, loyal]", "fact: customer.orders, reached: opened",
         "steps.3.branch.0.when.reached: asks how far a message came, and customer.orders is none"),
        ("task.call, is: no_answer", "task.call, is: not_there",
         "steps.7.branch.0.when.is: task.call is never not_there"),
        ("fact: run.variant, is: plain", "fact: run.variant, is: bold",
         "steps.3.branch.1.when.is: run.variant is never bold; it is one of plain, warm"),
        ("fact: run.variant, is: plain", "fact: customer.city, is: Huế",
         "good.yaml:10: variants: no step asks run.variant, so all do the same"),
        ("variants: {plain: 1, warm: 1}", "choose: winner\nvariants: {plain: 1}",
         "good.yaml:10: choose: winner needs two variants or more, and a goal to judge them by"),
        ("goal: {event: Order Completed, within: 14d}", "choose: thompson",
         "good.yaml:6: choose: thompson needs two variants or more, and a goal to judge them by"),
        ("variants: {plain: 1, warm: 1}", "choose: best\nvariants: {plain: 1, warm: 1}",
         "good.yaml:10: choose: must be 'fixed', 'winner' or 'thompson', and is"),
        # news
        ("{event: Order Cancelled, because", "{event: Order Canceled, because",
         "exits.0.event: nobody tells of Order Canceled; did you mean Order Cancelled?"),
        ("{event: Order Cancelled, because", "{event: Order Cancelled, same: order_id, because",
         "exits.0.same: Lifecycle Changed says no order_id"),
        ("{event: Order Cancelled, because", "{event: Order Cancelled, where: {fact: event.to, is: x}, because",
         "exits.0.where.fact: Order Cancelled says no to"),
        ("where: {fact: event.to, is: lapsed_60}}", "product_with: guide_url}",
         "trigger.product_with: Lifecycle Changed is no order, so there is no product to pick"),
        ("where: {fact: event.to,", "key: customer.city, where: {fact: event.to,",
         "trigger.key: names the run, so it must be a property of the news: event.<property>"),
        # what steps do
        ("offer: winback_60", "offer: winback_06",
         "steps.0.offer: there is no offer winback_06 in offers.yaml; did you mean"),
        ("script: call_winback", "script: order_thanks", "steps.5.task.script: order_thanks has no words for a call"),
        ("script: call_winback", "script: call_high_value_order",
         "steps.5.task.script: call_high_value_order needs order_code, total, and nothing fills it"),
        ("send: {template: winback_60, channels: [zalo, email]}",
         "send: {template: winback_60, variables: {gif: offer.gift}}",
         "steps.1.send.variables.gif: winback_60 has no variable gif; did you mean gift?"),
        ("send: {template: winback_60, channels: [zalo, email]}",
         "send: {template: winback_60, variables: {gift: offer.gift}, texts: {gift: quà}}",
         "steps.1.send.texts.gift: is filled from variables already"),
        ("send: {template: winback_60, channels", "survey: {template: winback_60, channels",
         "steps.1.survey.template: winback_60 asks nothing; a survey needs a template with a survey"),
        # what it is for
        ("within: 14d", "within: 60d", "goal.within: is longer than ends_after, so the run is over after 30d"),
        ("wait: {for: 2d, until: {fact: task.call, known: true}}\n  - id: again\n"
         "    branch: [{when: {fact: task.call, is: no_answer}, go: ask}]",
         "wait: {for: 40d}\n  - id: again\n    tag: {add: called}",
         "good.yaml:11: ends_after: again comes after 43d, when the run is over; make it longer"),
    ],
)  # fmt: skip
def test_each_kind_of_mistake_is_found(mistakes: Callable[..., list[str]], before: str, after: str, told: str):
    spoiled = GOOD.replace(before, after, 1)
    assert spoiled != GOOD
    found = mistakes(spoiled)
    assert any(told in mistake for mistake in found), found


def test_only_marketing_is_held_back_and_ranked(mistakes: Callable[..., list[str]], playbook: Path):
    rank(playbook, "another")

    assert mistakes(GOOD) == [
        "journeys/good.yaml:1: id: good sends marketing and has no place among the priorities in sending.yaml"
    ]
    assert mistakes(
        GOOD.replace("    send: {template: winback_60, channels: [zalo, email]}", "    tag: {add: asked}")
    ) == [
        "journeys/good.yaml:9: holdout_percent: there is no marketing in this journey to hold back",
        "journeys/good.yaml:18: steps.2.wait.until.fact: message.write: there is no send or survey step write",
    ]


def test_an_offer_is_only_good_for_a_message_if_it_is_made_on_every_way(mistakes: Callable[..., list[str]]):
    around = GOOD.replace(
        "steps:\n", "steps:\n  - id: first\n    branch: [{when: {fact: customer.value, is: vip}, go: write}]\n"
    )

    (found,) = mistakes(around)
    assert found.startswith("journeys/good.yaml:18: steps.2.send.template: winback_60 needs voucher, gift,")


def test_the_shops_own_news_is_known_by_its_stages_and_may_say_anything(
    mistakes: Callable[..., list[str]], playbook: Path
):
    own = GOOD.replace("{event: Order Cancelled,", "{event: Fitting Done, same: fitting,").replace(
        "event: Lifecycle Changed, where: {fact: event.to, is: lapsed_60}",
        "event: Fitting Done, where: {fact: event.fitting, at_least: 3}",
    )
    assert len(mistakes(own)) == 2
    with (playbook / "stages.yaml").open("a", encoding="utf-8") as stages:
        stages.write("Fitting Done: engagement\n")
    assert mistakes(own) == []


def test_a_journey_that_is_none_is_not_loaded(playbook: Path):
    (playbook / "journeys" / "good.yaml").write_text(GOOD.replace("ends_after: 30d\n", ""), encoding="utf-8")
    with pytest.raises(PlaybookError, match=r"good\.yaml:1: ends_after: is missing"):
        load_journeys(playbook)
    (playbook / "journeys" / "good.yaml").write_text(GOOD.replace("id: good", "id: bad"), encoding="utf-8")
    with pytest.raises(PlaybookError, match=r"good\.yaml:1: id: is bad"):
        load_journeys(playbook)


# ---- the command line ----


def test_the_command_names_every_mistake_and_fails(playbook: Path, mistakes: Callable[..., list[str]]):
    mistakes(GOOD.replace("then: ask}", "then: asks}"))
    ran = CliRunner().invoke(app, ["journeys", "check", "--playbook", str(playbook)])

    assert ran.exit_code == 1
    assert "good.yaml:18: steps.2.wait.then: there is no step asks; did you mean ask?" in ran.output
    assert "1 journey, 1 mistake" in ran.output


def test_the_command_is_content_with_what_ships():
    ran = CliRunner().invoke(app, ["journeys", "check"])

    assert ran.exit_code == 0
    assert "nothing to mend" in ran.output


def test_the_list_shows_what_ships():
    ran = CliRunner().invoke(app, ["journeys", "list"])

    assert ran.exit_code == 0
    for journey in load_journeys(PLAYBOOK).values():
        assert journey.id in ran.output
        assert journey.version in ran.output
