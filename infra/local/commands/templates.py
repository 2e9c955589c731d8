"""`kq templates`: look at a message as the phone shows it, with what it costs."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from infra.local.errors import Trouble
from shared.domain.common.localized_text import Lang
from shared.domain.messaging.sms_encoding import measured
from shared.domain.messaging.template import CUSTOMER, CannotRender, Email, Shop, SmsAd, SmsCare, Template, Zns
from shared.ports import Rendered
from shared.runtime.playbook.loader import PLAYBOOK, PlaybookError
from shared.runtime.playbook.rules import sending_rules
from shared.runtime.playbook.shop import load_shop
from shared.runtime.playbook.templates import SAMPLE_CUSTOMER, load_templates, preview, sandbox

WIDTH = 46
# What the phone shows above each kind of message.
SENDERS = {
    "zns": "Zalo · {shop} · thông báo", "zalo": "Zalo · {shop}", "sms_care": "SMS · {sms}", "sms_ad": "SMS · {sms}",
    "email": "E-mail · {shop}", "messenger": "Messenger · {shop}", "whatsapp": "WhatsApp · {shop}",
    "web": "Trang web · {shop}", "call": "Kịch bản gọi · {shop}",
}  # fmt: skip


def show(template_id: str, channel: str | None, lang: str, playbook: Path | None, nobody: bool) -> None:
    """Print a template as its channels' phones show it, filled in with its samples."""
    folder = playbook or PLAYBOOK
    try:
        facts, templates, texts = load_shop(folder), load_templates(folder), sandbox(folder)
    except (PlaybookError, OSError) as error:
        raise Trouble(str(error)) from error
    if template_id not in templates:
        raise Trouble(f"there is no template {template_id}; there are {', '.join(templates)}")
    if lang not in ("vi", "en"):
        raise Trouble(f"--lang: {lang} is none; there are vi and en")
    template = templates[template_id]
    if channel and channel not in template.channels:
        raise Trouble(f"{template_id} says nothing on {channel}; it has {', '.join(template.channels)}")
    console = Console(highlight=False)
    console.print(Text.assemble((template.title.in_language(_lang(lang)), "bold"), f"  {template.purpose}"))
    customer = {} if nobody else SAMPLE_CUSTOMER
    for name in [channel] if channel else template.channels:
        try:
            variables = {**template.samples, CUSTOMER: customer}
            message = preview(template, name, variables, facts, texts, _lang(lang))
            spelled = _spelled_otherwise(template, name)
            other = preview(spelled, name, variables, facts, texts, _lang(lang)) if spelled else None
        except CannotRender as error:
            raise Trouble(str(error)) from error
        console.print(Padding(_phone(template, name, message, other, facts), (1, 0, 0, 0)))


def _spelled_otherwise(template: Template, channel: str) -> Template | None:
    """The template with its SMS in the other spelling, with marks or without, however long that is."""
    block = template.block(channel)
    if not isinstance(block, SmsCare | SmsAd):
        return None
    spelled = block.model_copy(update={"accents": not block.accents, "max_parts": 20})
    return template.model_copy(update={channel: spelled})


def _lang(name: str) -> Lang:
    return "en" if name == "en" else "vi"


def _phone(template: Template, channel: str, message: Rendered, other: Rendered | None, facts: Shop) -> Group:
    sender = SENDERS[channel].format(shop=facts.name, sms=facts.sms_name)
    bubble = Panel(_words(template, channel, message), title=sender, title_align="left", width=WIDTH, box=box.ROUNDED)
    notes = Table.grid(padding=(0, 1))
    notes.add_column()
    notes.add_column(overflow="fold")
    for label, words in _notes(template, channel, message, other):
        notes.add_row(Text(label, style="dim"), Text(words))
    return Group(bubble, Padding(notes, (0, 2)))


def _words(template: Template, channel: str, message: Rendered) -> Text:
    block = template.block(channel)
    words = Text()
    if message.subject:
        words.append(f"{message.subject}\n\n", "bold")
    if isinstance(block, Zns):
        title, _, rest = message.text.partition("\n")
        button = block.button.title if block.button else ""
        words.append(f"{title}\n", "bold").append(rest.removesuffix(button).strip())
        return words.append(f"\n\n[ {button} ]", "bold") if button else words
    words.append(message.text)
    if cta := message.parameters.get("text"):
        words.append(f"\n\n[ {cta} ]", "bold")
    return words


def _notes(template: Template, channel: str, message: Rendered, other: Rendered | None) -> list[tuple[str, str]]:
    block = template.block(channel)
    price = sending_rules().channels[channel].price_vnd  # type: ignore[index]
    notes = []
    if isinstance(block, SmsCare | SmsAd) and other:
        sms, spelled = measured(message.text, price), measured(other.text, price)
        notes.append(("parts", f"{sms.parts} ({sms.encoding}, {sms.places} places)"))
        label = "without marks" if block.accents else "with marks"
        notes.append((label, f"{spelled.parts} ({spelled.encoding}), {spelled.price} VND"))
        price = sms.price
    if isinstance(block, Zns):
        notes.append(("template", f"{block.template_id}, tag {block.tag}, {block.status}, quality {block.quality}"))
        notes += [(f"<{name}>", value) for name, value in message.parameters.items()]
        price = block.price_vnd
    elif message.template:
        notes.append(("template", message.template))
    if isinstance(block, Email) and message.unsubscribe:
        notes.append(("one click", message.unsubscribe))
    notes.append(("price", f"{price} VND" if price else "free"))
    return [*notes, *((f"link {at}", target) for at, target in enumerate(message.links) if target)]
