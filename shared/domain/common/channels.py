"""Channels, message purposes, and the consent channel of each sending channel."""

from __future__ import annotations

from typing import Literal, get_args

ChannelName = Literal["zns", "zalo", "sms_care", "sms_ad", "email", "messenger", "whatsapp", "web", "call"]

Purpose = Literal["transactional", "service", "marketing"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)

# Customers consent to SMS, not to a kind of gateway.
CONSENT_CHANNELS = ("zalo", "zns", "sms", "email", "messenger", "whatsapp", "call", "push", "web")

_CONSENT_OF = {"sms_care": "sms", "sms_ad": "sms"}


def consent_channel(channel: str) -> str:
    """The channel whose consent covers a sending channel."""
    return _CONSENT_OF.get(channel, channel)


# What people call one channel: a customer who refuses a Zalo message means the Official Account and the notices alike.
_FAMILIES = (("zalo", "zns"), ("sms", "sms_care", "sms_ad"))


def channel_family(channel: str) -> tuple[str, ...]:
    """The channels that people call by one name."""
    return next((names for names in _FAMILIES if channel in names), (channel,))
