"""Which channel a message takes now: the channels still to try, and the policy's choice among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.domain.customers.profile import Profile
from shared.domain.messaging.message import Message, channels_for
from shared.domain.messaging.policy import Decision, Wish, choose
from shared.domain.messaging.policy_rules import SendingRules
from shared.domain.vietnam_time import local_day, moment
from shared.ports import Channel, Renderer
from shared.repositories.contact_ledger import ledger_of
from shared.repositories.policy_facts import person, situation
from shared.repositories.profiles import age, members_of
from shared.repositories.provider_status import ProviderLimits
from shared.repositories.rate_limits import Pace
from shared.repositories.unit_of_work import UnitOfWork

# The channel on which comments on the page are answered.
COMMENTS = "messenger"


@dataclass(frozen=True)
class ChannelChoice:
    """What a choice among channels needs: the rules, the channels there are, and what is known of their providers."""

    rules: SendingRules
    channels: Mapping[str, Channel]
    renderer: Renderer
    pace: Pace
    limits: ProviderLimits

    def left(self, message: Message, members: list[Profile], now: datetime) -> list[str]:
        """The channels still to try, in order: named by the step, else by the playbook for this customer (U9)."""
        wanted = message["channels"] or channels_for(
            message["purpose"], age(members, local_day(now)), _value(members[0]), self.rules
        )
        template, tried = message["template"], message.get("tried", ())
        able = self.renderer.channels(template)
        left = [name for name in wanted if name in able and name not in tried and name in self.channels]
        # A template that its provider has disabled falls back to the next channel (R12).
        ours = self.renderer.provider_template
        return [name for name in left if self.limits.enabled(name, ours(template, name))]

    def decide(
        self, uow: UnitOfWork, message: Message, members: list[Profile], channels: list[str], now: datetime
    ) -> Decision:
        """The policy's choice among the channels in order; one with an open circuit is passed over."""
        who = person(members, ledger_of(uow, members), message["message_id"], now, human=message.get("human", False))
        if comment := message.get("comment"):
            # It goes to the comment, whatever other channels reach its author.
            windows = {**who.windows, COMMENTS: moment(comment["until"])}
            who = replace(who, reachable=who.reachable | {COMMENTS}, windows=windows)
        everybody = situation(uow, now, message["journey"], self.rules.budgets_vnd)
        wish = Wish(
            purpose=message["purpose"],
            journey=message["journey"],
            send_before=moment(message["send_before"]) if "send_before" in message else None,
            prices={name: self.rules.channel(name).price_vnd for name in channels},
            human=message.get("human", False),
            templated=frozenset(c for c in channels if self.renderer.provider_template(message["template"], c)),
        )
        left, resting = list(channels), dict[str, datetime]()
        while True:
            decision = choose(wish, left, who, everybody, self.rules)
            closed = self.pace.closed_until(decision.channel, now) if decision.outcome == "send" else None
            if closed is None:
                break
            left.remove(decision.channel)
            resting[decision.channel] = closed
        if decision.outcome == "send" or not resting:
            return decision
        channel = min(resting, key=lambda name: resting[name])
        return Decision("defer", "provider_trouble", resting[channel], channel)

    def elsewhere(self, uow: UnitOfWork, message: Message, channel: str, now: datetime) -> Decision:
        """What the policy decides about the channels that are left after this one."""
        members = members_of(uow, message["customer_id"])
        if not members:
            return Decision("suppress", "no_address")
        left = self.left({**message, "tried": [*message.get("tried", ()), channel]}, members, now)
        return self.decide(uow, message, members, left, now)


def _value(lead: Profile) -> str:
    labels: list[Any] = lead.get("labels", [])
    return str(labels[1]) if len(labels) > 1 else "none"
