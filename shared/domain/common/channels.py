"""The channels, the purposes of a message, and the channel that a consent speaks of."""

from __future__ import annotations

from typing import Literal

ChannelName = Literal["zns", "zalo", "sms_care", "sms_ad", "email", "messenger", "whatsapp", "web", "call"]


Purpose = Literal["transactional", "service", "marketing"]


PURPOSES = ("transactional", "service", "marketing")


# People agree to SMS, not to a kind of gateway.
CONSENT_CHANNELS = ("zalo", "zns", "sms", "email", "messenger", "whatsapp", "call", "push", "web")


_CONSENT_OF = {"sms_care": "sms", "sms_ad": "sms"}


def consent_channel(channel: str) -> str:
    """The channel that people's consent speaks of."""
    return _CONSENT_OF.get(channel, channel)
