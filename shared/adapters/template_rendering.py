"""Renders messages for every channel from the playbook's templates.

Nothing incomplete is ever rendered: a variable that is missing, wrong or too long is `CannotRender`, before anything is
sent. How Jinja2 is confined is in `jinja_sandbox.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jinja2 import UndefinedError

from shared.adapters.jinja_sandbox import (
    TEXT_ERRORS,
    InvalidValue,
    Sandbox,
    cut,
    date_or_moment,
    money,
    tidy,
    tidy_line,
)
from shared.domain.common.localized_text import Lang
from shared.domain.common.money import vnd
from shared.domain.common.outgoing_values import is_code, is_plain, neutral
from shared.domain.customers.salutation import greet
from shared.domain.errors import Invalid
from shared.domain.messaging.sms_encoding import AD_LABEL, as_advertisement, bounded, without_marks
from shared.domain.messaging.template import (
    CUSTOMER,
    LONGEST_CHAT,
    WORDS,
    Call,
    CannotRender,
    Conversation,
    Cta,
    Email,
    ParameterKind,
    Shop,
    SmsAd,
    SmsCare,
    Template,
    Variable,
    Web,
    Zalo,
    Zns,
)
from shared.domain.messaging.tracked_links import MessageLinks, web_address
from shared.domain.messaging.wording import Wording
from shared.ports import Rendered

# Characters that a ZNS parameter of each type may have, as Zalo documents them.
LIMITS: Mapping[ParameterKind, int] = {
    "customer_name": 30, "phone": 15, "address": 200, "code": 30, "label": 30, "status": 30, "contact": 50, "title": 5,
    "product": 200, "amount": 20, "date": 20, "otp": 10, "url": 200, "vnd": 12, "bank_note": 90,
}  # fmt: skip
# Where less of it still says the same; half an address or half a code says something else.
_MAY_BE_CUT: frozenset[ParameterKind] = frozenset(("customer_name", "product"))
_ZNS_DATE = re.compile(r"(?:\d\d:\d\d(?::\d\d)?)?(?:(?:^| )(?:\d\d/\d\d/|\d\d/)\d{4})?")
_PLACEHOLDER = re.compile(r"<([a-z_][a-z0-9_]*)>")


@dataclass(frozen=True)
class _Scene:
    """One message being written: what its texts see, and where its links lead."""

    sandbox: Sandbox
    template: Template
    channel: str
    lang: Lang
    shop: Shop
    values: Mapping[str, Any]
    links: MessageLinks
    targets: tuple[str, ...]

    def fill(self, source: str) -> str:
        try:
            return tidy(self.sandbox.text(source, self.values))
        except UndefinedError as error:
            missing = re.search(r"'([^']+)' is undefined|no attribute '([^']+)'", str(error))
            name = next(filter(None, missing.groups()), "") if missing else ""
            raise self.trouble(name, "is missing") from error
        except TEXT_ERRORS as error:
            raise self.trouble("", str(error)) from error

    def line(self, source: str) -> str:
        return " ".join(self.fill(source).split())

    def trouble(self, variable: str, reason: str) -> CannotRender:
        return CannotRender(self.template.id, self.channel, variable, reason)

    @property
    def marketing(self) -> bool:
        return self.template.purpose == "marketing"

    def cta(self, cta: Cta | None) -> dict[str, str]:
        """Button and address; empty where its link leads nowhere this time."""
        address = self.values["links"].get(cta.link) if cta else None
        return {"text": self.line(cta.text.in_language(self.lang)), "url": address} if cta and address else {}

    def rendered(self, text: str, **more: Any) -> Rendered:
        if not text:
            raise self.trouble("", "nothing is left to say")
        return Rendered(text=text, links=self.targets, **more)


class Renderer:
    """Writes messages from the templates of a playbook. `base` is the address where people reach our links."""

    def __init__(
        self,
        templates: Mapping[str, Template],
        shop: Shop,
        sandbox: Sandbox,
        *,
        base: str,
        link_key: bytes,
        stores: Collection[str],
    ) -> None:
        self._templates = templates
        self._shop = shop
        self._sandbox = sandbox
        self._base = base
        self._link_key = link_key
        self._stores = stores

    def channels(self, template: str) -> frozenset[str]:
        """The channels a template has words for and is approved on; empty for one there is not."""
        found = self._templates.get(template)
        return frozenset(found.usable) if found else frozenset()

    def provider_template(self, template: str, channel: str) -> str:
        """The provider's own name for what a template sends on a channel: Zalo's template id, WhatsApp's name."""
        found = self._templates.get(template)
        return found.provider_template(channel) if found else ""

    def patience(self, template: str) -> timedelta | None:
        found = self._templates.get(template)
        return found.fallback_after if found else None

    def render(
        self,
        template: str,
        channel: str,
        variables: Mapping[str, Any],
        *,
        message_id: str,
        lang: Lang | None = None,
    ) -> Rendered:
        """One message, complete and within its channel's limits; raises CannotRender.

        `variables["customer"]` are the person's traits (see `greeting.greet`); their attribute "language" may be "en".
        `variables["words"]` are approved words by channel (`Wording`), which stand in the place of the template's own.
        What a template has not declared is ignored.
        """
        found = self._templates.get(template)
        if found is None:
            raise CannotRender(template, channel, "", "there is no such template")
        if words := (variables.get(WORDS) or {}).get(channel):
            found = found.reworded(channel, Wording.model_validate(words))
        block = found.block(channel)
        if block is None:
            raise CannotRender(template, channel, "", "the template says nothing on this channel")
        scene = self._scene(found, channel, variables, message_id, lang)
        return _WRITERS[type(block)](scene, block)

    def _shown(self, name: str, variable: Variable, value: Any, lang: Lang) -> Any:
        """A value as it may stand under the shop's name: what others wrote is replaced where it is not what it should
        be, or left out where the text can do without."""
        if variable.ours or not isinstance(value, str) or not value:
            return value
        if variable.kind == "code":
            fits = is_code(value)
        elif variable.kind == "store":
            fits = value in self._stores
        else:
            fits = variable.kind != "text" or is_plain(value)
        if fits:
            return value
        return neutral(name if variable.kind == "text" else variable.kind, lang) if variable.required else ""

    def _scene(
        self, template: Template, channel: str, variables: Mapping[str, Any], message_id: str, lang: Lang | None
    ) -> _Scene:
        traits = variables.get(CUSTOMER) or {}
        lang = lang or ("en" if traits.get("@language") == "en" else "vi")
        values: dict[str, Any] = {"greeting": greet(traits, lang), "shop": self._shop, "lang": lang}
        for name, variable in template.variables.items():
            try:
                values[name] = self._shown(name, variable, _checked(variable, variables.get(name)), lang)
            except InvalidValue as error:
                raise CannotRender(template.id, channel, name, str(error)) from error
        links = MessageLinks(self._base, self._link_key, message_id)
        bare = _Scene(self._sandbox, template, channel, lang, self._shop, values, links, ())
        targets, tracked = [], {}
        for index, (name, source) in enumerate(template.links.items()):
            target = bare.line(source)
            try:
                # A link that is not there this time keeps its number, so that numbers do not depend on the customer.
                targets.append(web_address(target) if target else "")
            except ValueError as error:
                raise CannotRender(template.id, channel, f"links.{name}", str(error)) from error
            tracked[name] = links.click(index) if target else ""
        if template.survey:
            tracked["survey"] = links.survey
        return _Scene(
            self._sandbox, template, channel, lang, self._shop, {**values, "links": tracked}, links, tuple(targets)
        )


def _checked(variable: Variable, value: Any) -> Any:
    """A variable's value as texts may use it; "" for an optional one that is not there. Raises Wrong."""
    if isinstance(value, str):
        value = tidy(value)
    if value is None or value == "":
        if variable.required:
            raise InvalidValue("is missing")
        return ""
    if variable.kind == "money":
        money(value)
    elif variable.kind == "date":
        date_or_moment(value)
    elif variable.kind == "url":
        try:
            web_address(str(value))
        except ValueError as error:
            raise InvalidValue(str(error)) from None
    elif variable.kind in ("code", "phone") and (len(str(value)) > 64 or "\n" in str(value)):
        raise InvalidValue(f"is no {variable.kind}")
    elif isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidValue("is no text")
    return value


def limited(kind: ParameterKind, value: str) -> str:
    """A ZNS parameter within what Zalo takes; names are cut between words where that is harmless. Raises Wrong."""
    value = tidy_line(value)
    if not value:
        raise InvalidValue("is empty")
    if kind in _MAY_BE_CUT:
        value = cut(value, LIMITS[kind])
    if len(value) > LIMITS[kind]:
        raise InvalidValue(f"has {len(value)} characters, kind {kind} has at most {LIMITS[kind]}")
    if kind == "vnd" and not re.fullmatch("[1-9][0-9]*", value):
        raise InvalidValue("is no positive whole amount without points")
    if kind == "date" and not _ZNS_DATE.fullmatch(value):
        raise InvalidValue("is no date as Zalo writes it, such as 14:30 24/11/2026")
    return value


def _zns(scene: _Scene, block: Zns) -> Rendered:
    parameters, shown = {}, {}
    for name, parameter in block.parameters.items():
        try:
            parameters[name] = limited(parameter.kind, scene.line(parameter.text))
        except InvalidValue as error:
            raise scene.trouble(f"parameter {name}", str(error)) from error
        shown[name] = vnd(int(parameters[name])) if parameter.kind == "vnd" else parameters[name]

    def stand_in(found: re.Match[str]) -> str:
        if found[1] not in shown:
            raise scene.trouble(f"parameter {found[1]}", "is missing")
        return shown[found[1]]

    lines = [_PLACEHOLDER.sub(stand_in, line) for line in block.fixed_texts]
    return scene.rendered(tidy("\n".join(lines)), template=block.template_id, parameters=parameters)


def _sms(scene: _Scene, text: str, accents: bool, max_parts: int, template: str = "") -> Rendered:
    text = tidy_line(text)
    try:
        return scene.rendered(
            bounded(text if accents else without_marks(text), max_parts=max_parts).text, template=template
        )
    except Invalid as error:
        raise scene.trouble("", str(error)) from error


def _sms_care(scene: _Scene, block: SmsCare) -> Rendered:
    return _sms(
        scene, scene.line(block.text.in_language(scene.lang)), block.accents, block.max_parts, block.esms_template
    )


def _sms_ad(scene: _Scene, block: SmsAd) -> Rendered:
    try:
        text = as_advertisement(scene.line(block.text.in_language(scene.lang)), scene.shop.opt_out_sms)
    except Invalid as error:
        raise scene.trouble("", str(error)) from error
    return _sms(scene, text, block.accents, block.max_parts)


def _chat(scene: _Scene, block: Zalo | Conversation) -> Rendered:
    if isinstance(block, Conversation) and block.template:
        approved = block.template
        parameters = {name: scene.line(source) for name, source in approved.parameters.items()}
        if empty := [name for name, value in parameters.items() if not value]:
            raise scene.trouble(f"parameter {empty[0]}", "is empty")
        text = re.sub(r"{(\w+)}", lambda found: parameters.get(found[1], found[0]), approved.body)
        return scene.rendered(tidy(text), template=approved.name, parameters=parameters)
    assert block.text is not None
    text = scene.fill(block.text.in_language(scene.lang))
    if scene.marketing:
        text = f"{text}\n\n{scene.line(scene.shop.opt_out_chat.in_language(scene.lang))}"
    if len(text) > LONGEST_CHAT[scene.channel]:
        raise scene.trouble("", f"has {len(text)} characters, at most {LONGEST_CHAT[scene.channel]} are taken")
    return scene.rendered(text)


def _email(scene: _Scene, block: Email) -> Rendered:
    subject = scene.line(block.subject.in_language(scene.lang))
    if scene.marketing and not subject.startswith(AD_LABEL):
        subject = f"{AD_LABEL} {subject}"
    unsubscribe = scene.links.unsubscribe if scene.marketing else ""
    values = {
        "lang": scene.lang,
        "shop": scene.shop,
        "subject": subject,
        "greeting": scene.line(block.greeting.in_language(scene.lang)),
        "paragraphs": [part.split("\n") for part in scene.fill(block.body.in_language(scene.lang)).split("\n\n")],
        "cta": scene.cta(block.cta),
        "unsubscribe": unsubscribe,
        # Only these addresses become links: nobody else's words can.
        "own": [scene.shop.website, *scene.values["links"].values()],
    }
    return scene.rendered(
        tidy(scene.sandbox.page("email.txt", values)),
        subject=subject,
        html=unicodedata.normalize("NFC", scene.sandbox.page("email.html", values)),
        unsubscribe=unsubscribe,
    )


def _web(scene: _Scene, block: Web) -> Rendered:
    title = scene.line(block.title.in_language(scene.lang))
    return scene.rendered(
        scene.fill(block.text.in_language(scene.lang)), subject=title, parameters=scene.cta(block.cta)
    )


def _call(scene: _Scene, block: Call) -> Rendered:
    return scene.rendered(scene.fill(block.script.in_language(scene.lang)))


_WRITERS: Mapping[type, Callable[[_Scene, Any], Rendered]] = {
    Zns: _zns,
    Zalo: _chat,
    SmsCare: _sms_care,
    SmsAd: _sms_ad,
    Email: _email,
    Conversation: _chat,
    Web: _web,
    Call: _call,
}
