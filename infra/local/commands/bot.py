"""`kq bot "text"`: what the bot answers to a message, from what, and what triage read in it."""

from __future__ import annotations

from infra.local.errors import Trouble
from infra.local.stack import clock
from shared.domain.bot.reply import Answer, BotRequest
from shared.domain.common.language import language_of
from shared.domain.triage.triage import INTENTS
from shared.runtime.factories import bot
from shared.runtime.playbook.triage import triager


def tried(text: str, intent: str | None) -> str:
    """The answer or the reason why there is none, with what decided. Raises Trouble for an intent that is none."""
    read = triager().read(text)
    if intent is not None:
        if intent not in INTENTS:
            raise Trouble(f"there is no intent {intent}; intents are {', '.join(INTENTS)}")
        read = read._replace(intent=intent, confidence=100, bot=True)
    reply = bot.answer(BotRequest(text, read, clock.present(), language_of(text)))
    flags = f"{read.severity}, {read.sentiment}, {'for the bot' if read.bot else 'for people'}"
    lines = [f"triage     {read.intent} {read.confidence} % ({flags})"]
    lines += [f"like       {entry_id} {percent} %" for entry_id, percent in bot.like(text)[:3]]
    if isinstance(reply, Answer):
        lines.append(f"answers    {reply.matter} {reply.confidence} %, from {', '.join(reply.sources) or 'bot.yaml'}")
    else:
        lines.append(f"hands over {reply.reason}: {reply.words['vi']} ({reply.words['en']})")
    return "\n".join([*lines, "", reply.text or "(no answer to the customer)"])
