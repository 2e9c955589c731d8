"""A template of the playbook: what one message says on each channel, the variables it needs, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from shared.domain.common.channels import ChannelName, Purpose
from shared.domain.common.duration import Span, parse_span
from shared.domain.common.localized_text import Text
from shared.domain.common.strict_model import StrictModel
from shared.domain.messaging.channel_errors import ContentError
from shared.domain.messaging.wording import Wording
from shared.domain.vietnam_time import VIETNAM, local_day

VariableKind = Literal["text", "money", "date", "phone", "url", "code", "store"]
ParameterKind = Literal[
    "customer_name", "phone", "address", "code", "label", "status", "contact", "title", "product", "amount", "date",
    "otp", "url", "vnd", "bank_note",
]  # fmt: skip
SurveyKind = Literal["csat", "nps"]

# What every template may use without declaring it: how to call the person, the shop's own facts, tracked links.
GIVEN = frozenset(("greeting", "shop", "links"))
# Variables that are none of a template's: the person's traits, from which the greeting and the language follow, and the
# words that a person approved in the place of the template's own (`Wording` as JSON, by channel).
CUSTOMER = "customer"
WORDS = "words"
# What the conversation channels take in one message.
LONGEST_CHAT = {"zalo": 2000, "messenger": 2000, "whatsapp": 4096}


class CannotRender(ContentError):
    """A message cannot be written: nothing is sent. `variable` is what is missing or wrong, or "" where it is none."""

    def __init__(self, template: str, channel: str, variable: str, reason: str) -> None:
        super().__init__(f"template {template}, channel {channel}" + f", {variable}" * bool(variable) + f": {reason}")
        self.template = template
        self.channel = channel
        self.variable = variable
        self.reason = reason


class Variable(StrictModel):
    """What a template needs to know.

    `sensitive` names what a customer bought: it stays out of what a locked screen shows, and the caller fills it
    through `greeting.products_named` (R6). `ours` is written by the playbook or by staff and shown as it is; what
    others wrote is looked at first (`outgoing_values`). `same_for_all` is equal for every recipient, so an advertising
    SMS may use it (R11).
    """

    kind: VariableKind
    sample: str | int
    ours: bool = False
    required: bool = True
    sensitive: bool = False
    same_for_all: bool = False


class Parameter(StrictModel):
    """One parameter of a ZNS template: its type at Zalo, which sets its limit, and what fills it."""

    kind: ParameterKind
    text: str


class Button(StrictModel):
    """`url` is a parameter of kind url in angle brackets."""

    title: str
    url: str


class Zns(StrictModel):
    """A template registered at Zalo, as approved: `<name>` stands where a parameter goes.

    `template_id`, `status`, `quality` and `price_vnd` are the shop's account's, everything else is what was submitted.
    Tags: 1 transaction, 2 customer care, 3 promotion.
    """

    template_id: str
    name: str
    tag: Literal[1, 2, 3]
    status: Literal["enabled", "pending", "rejected", "disabled"]
    quality: Literal["high", "medium", "low", "undefined"] = "undefined"
    price_vnd: int = Field(ge=0)
    type: Literal["custom", "payment", "voucher", "rating"] = "custom"
    title: str
    paragraphs: tuple[str, ...]
    rows: dict[str, str] = Field(default_factory=dict)
    button: Button | None = None
    parameters: dict[str, Parameter] = Field(default_factory=dict)

    @property
    def fixed_texts(self) -> tuple[str, ...]:
        """Everything the person reads, in order, with the parameters still in angle brackets."""
        rows = tuple(f"{label}: {value}" for label, value in self.rows.items())
        return (self.title, *self.paragraphs, *rows, *((self.button.title,) if self.button else ()))


class Zalo(StrictModel):
    """A consultation message of the Official Account, inside its window."""

    text: Text


class SmsCare(StrictModel):
    """An SMS to one person; the gateway compares it with the registered one. Without `accents` it costs a third."""

    text: Text
    registered: bool
    esms_template: str = ""
    accents: bool = False
    max_parts: PositiveInt = 2


class SmsAd(StrictModel):
    """An advertisement, one text for a whole batch; label and way to refuse are added when it is written out."""

    text: Text
    accents: bool = False
    max_parts: PositiveInt = 2


class Cta(StrictModel):
    """What to do now: the words on the button, and which of the template's links it leads to."""

    text: Text
    link: str


class Email(StrictModel):
    """Plain paragraphs, parted by empty lines; layout, label and unsubscribing are added when it is written out."""

    subject: Text
    greeting: Text = Text(vi="{{ greeting.opening }} thân mến,", en="Dear {{ greeting.opening }},")
    body: Text
    cta: Cta | None = None


class ProviderTemplate(StrictModel):
    """A template approved at Meta; `{name}` in `body` stands where a parameter goes, in the order of `parameters`."""

    name: str = Field(pattern=r"^[a-z0-9_]{1,512}$")
    body: str = Field(max_length=1024)
    parameters: dict[str, str] = Field(default_factory=dict)


class Conversation(StrictModel):
    """Free text inside the window, or the provider's own template, which may also open a conversation."""

    text: Text | None = None
    template: ProviderTemplate | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.text is None) == (self.template is None):
            raise ValueError("needs either a text or a template")
        return self


class Web(StrictModel):
    """What a slot on the shop's page shows at the next visit."""

    title: Text
    text: Text
    cta: Cta | None = None


class Call(StrictModel):
    """What staff say on the phone."""

    script: Text


def _a_deadline(value: Any) -> Any:
    return value if value == "day_end" else parse_span(value)


Deadline = Annotated[timedelta | Literal["day_end"], BeforeValidator(_a_deadline)]

BLOCKS: tuple[ChannelName, ...] = (
    "zns", "zalo", "sms_care", "sms_ad", "email", "messenger", "whatsapp", "web", "call",
)  # fmt: skip
Block = Zns | Zalo | SmsCare | SmsAd | Email | Conversation | Web | Call


class Template(StrictModel):
    """One message of the playbook. `links` are target addresses by name; what reaches the person is a tracked link."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{2,39}$")
    purpose: Purpose
    title: Text
    variables: dict[str, Variable] = Field(default_factory=dict)
    links: dict[str, str] = Field(default_factory=dict)
    survey: SurveyKind | None = None
    send_before: Deadline | None = None
    fallback_after: Span | None = None
    zns: Zns | None = None
    zalo: Zalo | None = None
    sms_care: SmsCare | None = None
    sms_ad: SmsAd | None = None
    email: Email | None = None
    messenger: Conversation | None = None
    whatsapp: Conversation | None = None
    web: Web | None = None
    call: Call | None = None

    @model_validator(mode="after")
    def _names_are_free(self) -> Self:
        if taken := sorted((GIVEN | {CUSTOMER, WORDS}) & self.variables.keys()):
            raise ValueError(f"variables.{taken[0]}: is given to every template and cannot be declared")
        if "survey" in self.links:
            raise ValueError("links.survey: is the survey page's own link")
        if not self.channels:
            raise ValueError("says nothing on any channel")
        return self

    def block(self, channel: str) -> Block | None:
        found: Block | None = getattr(self, channel) if channel in BLOCKS else None
        return found

    @property
    def channels(self) -> tuple[ChannelName, ...]:
        """The channels it has words for."""
        return tuple(channel for channel in BLOCKS if self.block(channel) is not None)

    @property
    def usable(self) -> tuple[ChannelName, ...]:
        """The channels it can be sent on today: a ZNS or care template that is not approved falls back (R12)."""
        return tuple(channel for channel in self.channels if _approved(self.block(channel)))

    def provider_template(self, channel: str) -> str:
        """The provider's own name for what is sent on a channel, Zalo's template id or WhatsApp's name; "" for none."""
        block = self.block(channel)
        if isinstance(block, Zns):
            return block.template_id
        return block.template.name if isinstance(block, Conversation) and block.template else ""

    def parts(self, channel: str) -> tuple[str, ...]:
        """The parts of a `Wording` that may stand on a channel; empty where the words are not free: none, or registered
        with the provider."""
        block = self.block(channel)
        if isinstance(block, Email):
            return ("subject", "greeting", "text", *(("cta",) if block.cta else ()))
        if isinstance(block, Web):
            return ("subject", "text", *(("cta",) if block.cta else ()))
        free = isinstance(block, Zalo | SmsAd | Call) or (isinstance(block, Conversation) and block.text is not None)
        return ("text",) if free else ()

    def reworded(self, channel: str, wording: Wording) -> Template:
        """The template with other Vietnamese words on a channel; its English and its links stay."""
        block = self.block(channel)
        names = {"text": "body" if isinstance(block, Email) else "script" if isinstance(block, Call) else "text"}
        if isinstance(block, Web):
            names["subject"] = "title"
        changed: dict[str, Any] = {}
        for part in self.parts(channel):
            words, name = getattr(wording, part), names.get(part, part)
            if words and isinstance(now := getattr(block, name), Cta):
                changed[name] = now.model_copy(update={"text": now.text.model_copy(update={"vi": words})})
            elif words:
                changed[name] = now.model_copy(update={"vi": words})
        return self.model_copy(update={channel: block.model_copy(update=changed)}) if block and changed else self

    @property
    def samples(self) -> dict[str, str | int]:
        return {name: variable.sample for name, variable in self.variables.items()}

    def too_late_from(self, at: datetime) -> datetime | None:
        """The moment from which a message meant for `at` is no good any more (R14)."""
        if self.send_before == "day_end":
            return datetime.combine(local_day(at) + timedelta(days=1), time(), VIETNAM).astimezone(UTC)
        return at + self.send_before if self.send_before else None


def _approved(block: Block | None) -> bool:
    if isinstance(block, Zns):
        return block.status == "enabled"
    return not isinstance(block, SmsCare) or block.registered


class Shop(StrictModel):
    """The shop's own facts, as texts use them: `shop.yaml` in the playbook.

    `pages` are addresses that journeys lead to, by name; `presets` are the folders under `presets/` whose journeys
    stand in the place of the playbook's. An address that an event brings is used on the shop's website and on
    `link_hosts` only. `opt_out_sms` is how to refuse advertisements by SMS or by
    call, `opt_out_chat` the same in a conversation.
    """

    name: str
    sms_name: str
    hotline: str
    website: str
    address: str
    opt_out_sms: str
    opt_out_chat: Text
    pages: dict[str, str] = Field(default_factory=dict)
    link_hosts: tuple[str, ...] = ()
    presets: tuple[str, ...] = ()
