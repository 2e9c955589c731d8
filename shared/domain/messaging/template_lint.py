"""Mistakes in a template, before any customer gets it: words, limits, links, labels, and what a channel forbids.

Pure: the texts come filled in with their samples, the variables they use come from a caller that can read the template
language, and a finding's place in the file is known to the reader of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple, Protocol

from shared.domain.common.channels import ChannelName
from shared.domain.common.lint import Finding
from shared.domain.common.localized_text import Text
from shared.domain.messaging.promotional_words import false_invoice_words, promotional_words
from shared.domain.messaging.template import (
    GIVEN,
    CannotRender,
    Conversation,
    Cta,
    Email,
    ProviderTemplate,
    SmsAd,
    SmsCare,
    Template,
    Web,
    Zalo,
    Zns,
)

Path = tuple[str, ...]

# Zalo's limits of a template's parts. The name's are documented with the API; the others come from its layout guide as
# it is generally known, so the provider's own refusal has the last word (verify).
ZNS_NAME, ZNS_TITLE, ZNS_PARAGRAPH, ZNS_BUTTON, ZNS_ROW = (10, 60), (9, 65), (9, 400), (5, 30), (3, 36)
# What a phone's list of e-mails shows of a subject at the very most.
SUBJECT_LENGTH = 100

_PLACEHOLDER = re.compile(r"<([^<>\s]+)>")
_LINK = re.compile(r"\blinks\.(\w+)")
_ADDRESS = re.compile(r"https?://|\bwww\.", re.IGNORECASE)
_TITLE_OF = re.compile(r"\bgreeting\.(?!zns_name\b)|\b(?:anh|chị|quý khách)\b", re.IGNORECASE)


class Written(Protocol):
    """A message as it would go out (see `ports.Rendered`)."""

    @property
    def text(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def html(self) -> str: ...
    @property
    def unsubscribe(self) -> str: ...


class Source(NamedTuple):
    """One text in the template language. `seen` is False for what no person reads as it stands: links, parameters."""

    path: Path
    text: str
    seen: bool = True


def sources(template: Template) -> Iterator[Source]:
    """Every text of a template that is filled in."""
    for name, text in template.links.items():
        yield Source(("links", name), text, seen=False)
    for channel in template.channels:
        block = template.block(channel)
        at: Path = (channel,)
        if isinstance(block, Zns):
            for name, parameter in block.parameters.items():
                yield Source((*at, "parameters", name, "text"), parameter.text, seen=False)
        elif isinstance(block, Email):
            for part in ("subject", "greeting", "body"):
                yield from _told((*at, part), getattr(block, part))
            yield from _button((*at, "cta"), block.cta)
        elif isinstance(block, Web):
            yield from _told((*at, "title"), block.title)
            yield from _told((*at, "text"), block.text)
            yield from _button((*at, "cta"), block.cta)
        elif isinstance(block, Conversation) and block.template:
            for name, text in block.template.parameters.items():
                yield Source((*at, "template", "parameters", name), text)
        elif isinstance(block, Zalo | SmsCare | SmsAd | Conversation):
            yield from _told((*at, "text"), block.text)
        elif block is not None:
            yield from _told((*at, "script"), block.script)


def _told(at: Path, text: Text | None) -> Iterator[Source]:
    if text:
        yield Source((*at, "vi"), text.vi)
        if text.en:
            yield Source((*at, "en"), text.en)


def _button(at: Path, cta: Cta | None) -> Iterator[Source]:
    if cta:
        yield from _told((*at, "text"), cta.text)


def lint(
    template: Template,
    used: Mapping[Path, Iterable[str]],
    written: Mapping[ChannelName, Iterable[Written | CannotRender]],
) -> list[Finding]:
    """Everything wrong with one template. `used` are the variables of each source by its path, `written` what each
    channel says with the samples, in every language and also without what is optional."""
    found = [
        *_variables(template, used),
        *_links(template),
        *_zns(template),
        *_sms(template, used),
        *_provider_templates(template),
        *_wording(template),
        *_discretion(template, used),
    ]
    for channel, messages in written.items():
        for message in messages:
            found += _refused(template, channel, message) if isinstance(message, CannotRender) else ()
            found += _letter(template, message) if channel == "email" and not isinstance(message, CannotRender) else ()
    return list(dict.fromkeys(found))


def _variables(template: Template, used: Mapping[Path, Iterable[str]]) -> Iterator[Finding]:
    known = GIVEN | {"lang"} | template.variables.keys()
    everywhere: set[str] = set()
    for path, names in used.items():
        everywhere.update(names)
        for name in sorted(set(names) - known):
            near = get_close_matches(name, sorted(known), 1)
            yield Finding(path, f"{name} is not among the variables" + (f"; did you mean {near[0]}?" if near else ""))
    for name in template.variables:
        if name not in everywhere:
            yield Finding(("variables", name), "is used nowhere; take it out or say it")


def _links(template: Template) -> Iterator[Finding]:
    named = set()
    for source in sources(template):
        names = _LINK.findall(source.text)
        named.update(names)
        for name in names:
            if name not in template.links and not (name == "survey" and template.survey):
                yield Finding(source.path, f"there is no link {name}; links are {_list(_all_links(template))}")
        if source.path[0] == "links":
            for name, variable in template.variables.items():
                if re.search(rf"\b{name}\b", source.text) and variable.kind not in ("url", "code"):
                    yield Finding(source.path, f"{name} is a {variable.kind}; an address carries only url and code")
        elif source.path[0] not in ("sms_ad", "call"):
            if _ADDRESS.search(source.text) or "shop.website" in source.text:
                yield Finding(
                    source.path, "an address that nobody follows; name it under links and use {{ links.name }}"
                )
            for name, variable in template.variables.items():
                if variable.kind == "url" and re.search(rf"{{{{[^}}]*\b(?<!links\.){name}\b", source.text):
                    yield Finding(
                        source.path, f"{name} goes out untracked; put it under links and use {{{{ links.name }}}}"
                    )
    for path, cta in _buttons(template):
        named.add(cta.link)
        if cta.link not in _all_links(template):
            yield Finding((*path, "link"), f"there is no link {cta.link}; links are {_list(_all_links(template))}")
    for name in template.links:
        if name not in named:
            yield Finding(("links", name), "leads from nowhere; use it or take it out")


def _all_links(template: Template) -> list[str]:
    return [*template.links, *(["survey"] if template.survey else [])]


def _buttons(template: Template) -> Iterator[tuple[Path, Cta]]:
    for channel in ("email", "web"):
        block = template.block(channel)
        if isinstance(block, Email | Web) and block.cta:
            yield (channel, "cta"), block.cta


def _zns(template: Template) -> Iterator[Finding]:
    block = template.zns
    if block is None:
        return
    yield from _long(("zns", "name"), block.name, ZNS_NAME)
    yield from _long(("zns", "title"), block.title, ZNS_TITLE)
    for number, paragraph in enumerate(block.paragraphs):
        yield from _long(("zns", "paragraphs", str(number)), paragraph, ZNS_PARAGRAPH)
    for label in block.rows:
        yield from _long(("zns", "rows", label), label, ZNS_ROW)
    if block.button:
        yield from _long(("zns", "button", "title"), block.button.title, ZNS_BUTTON)
        target = block.parameters.get(block.button.url.strip("<>"))
        if target is None or target.kind != "url":
            yield Finding(("zns", "button", "url"), "must be a parameter of kind url in angle brackets, such as <link>")
    if (block.tag == 3) != (template.purpose == "marketing"):
        expected = "3" if template.purpose == "marketing" else "1 or 2"
        yield Finding(("zns", "tag"), f"is {block.tag}; a {template.purpose} message goes under tag {expected}")
    placed = set(_PLACEHOLDER.findall(" ".join((*block.fixed_texts, block.button.url if block.button else ""))))
    for name in sorted(placed - block.parameters.keys()):
        yield Finding(("zns", "parameters"), f"the text has <{name}>, but there is no such parameter")
    for name, parameter in block.parameters.items():
        at = ("zns", "parameters", name)
        if name not in placed:
            yield Finding(
                at, f"is sent but stands nowhere; Zalo refuses unknown parameters: write <{name}> or take it out"
            )
        if parameter.kind == "customer_name" and _TITLE_OF.search(parameter.text):
            yield Finding((*at, "text"), 'a title belongs in the fixed text ("Anh/Chị <name>"); use greeting.zns_name')
        if parameter.kind == "url" and "links." not in parameter.text:
            yield Finding((*at, "text"), "an address that nobody follows; name it under links and use {{ links.name }}")
    if block.tag != 3:
        filled = {name: str(parameter.text) for name, parameter in block.parameters.items()}
        for path, text in _zns_texts(block, filled):
            for word in promotional_words(text):
                yield Finding(
                    path, f"“{word}” is a word of promotion, refused under tag {block.tag}; it belongs under 3"
                )


def _zns_texts(block: Zns, filled: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    yield ("zns", "name"), block.name
    yield ("zns", "title"), block.title
    for number, paragraph in enumerate(block.paragraphs):
        yield ("zns", "paragraphs", str(number)), paragraph
    for label, value in block.rows.items():
        yield ("zns", "rows", label), f"{label}: {value}"
    if block.button:
        yield ("zns", "button", "title"), block.button.title
    for name, text in filled.items():
        yield ("zns", "parameters", name, "text"), text


def _long(path: Path, text: str, limits: tuple[int, int]) -> Iterator[Finding]:
    least, most = limits
    if not least <= len(text) <= most:
        yield Finding(path, f"has {len(text)} characters, must have {least} to {most}")


def _sms(template: Template, used: Mapping[Path, Iterable[str]]) -> Iterator[Finding]:
    if template.sms_care and template.purpose == "marketing":
        yield Finding(("sms_care",), "an advertisement does not go as a care SMS; use sms_ad or another channel (R11)")
    if template.sms_ad and template.purpose != "marketing":
        yield Finding(("sms_ad",), f"a {template.purpose} message is no advertisement; use sms_care")
    for path, names in used.items():
        if path[0] != "sms_ad":
            continue
        for name in sorted(set(names)):
            variable = template.variables.get(name)
            if name in ("greeting", "links") or (variable and not variable.same_for_all):
                yield Finding(
                    path, f"{name} differs from person to person; an advertising SMS is one text for all (R11)"
                )
    for source in sources(template):
        if source.path[0] == "sms_care":
            for word in promotional_words(source.text):
                yield Finding(source.path, f"“{word}” is a word of promotion, refused in a care SMS")


def _provider_templates(template: Template) -> Iterator[Finding]:
    for path, approved in _approved(template):
        placed = set(re.findall(r"{(\w+)}", approved.body))
        for name in sorted(placed - approved.parameters.keys()):
            yield Finding((*path, "body"), f"has {{{name}}}, but there is no such parameter")
        for name in sorted(approved.parameters.keys() - placed):
            yield Finding((*path, "parameters", name), f"is sent but stands nowhere in the body; write {{{name}}}")
        if template.purpose != "marketing":
            for word in promotional_words(approved.body):
                yield Finding((*path, "body"), f"“{word}” is a word of promotion, refused in a utility template")


def _approved(template: Template) -> Iterator[tuple[Path, ProviderTemplate]]:
    for channel in ("messenger", "whatsapp"):
        block = template.block(channel)
        if isinstance(block, Conversation) and block.template:
            yield (channel, "template"), block.template


def _wording(template: Template) -> Iterator[Finding]:
    fixed = list(_zns_texts(template.zns, {})) if template.zns else []
    texts = [(source.path, source.text) for source in sources(template) if source.seen] + fixed
    texts += [((*path, "body"), approved.body) for path, approved in _approved(template)]
    looked_up = {path for path, cta in _buttons(template) if cta.link == "invoice"}
    for path, text in texts:
        for word in false_invoice_words(text, invoice_look_up="links.invoice" in text or path[:2] in looked_up):
            yield Finding(
                path, f"“{word}” without a link to look it up; say biên nhận, or use {{{{ links.invoice }}}} (R20)"
            )


def _discretion(template: Template, used: Mapping[Path, Iterable[str]]) -> Iterator[Finding]:
    hidden = {name for name, variable in template.variables.items() if variable.sensitive}
    for path, names in used.items():
        if path[:2] in (("email", "subject"), ("web", "title")) or path[0] in ("sms_care", "sms_ad"):
            for name in sorted(hidden.intersection(names)):
                yield Finding(path, f"{name} is sensitive and would show on a locked screen (R6)")


def _refused(template: Template, channel: str, error: CannotRender) -> Iterator[Finding]:
    name = error.variable
    if name in template.variables and not error.reason.endswith("is missing"):
        yield Finding(("variables", name, "sample"), error.reason)
    elif name.startswith("parameter "):
        yield Finding((channel, "parameters", name.removeprefix("parameter ")), error.reason)
    elif name.startswith("links."):
        yield Finding(tuple(name.split(".")), error.reason)
    else:
        yield Finding((channel,), f"{name} {error.reason}".strip())


def _letter(template: Template, message: Written) -> Iterator[Finding]:
    if len(message.subject) > SUBJECT_LENGTH:
        yield Finding(
            ("email", "subject"), f"has {len(message.subject)} characters, must have at most {SUBJECT_LENGTH}"
        )
    shown = message.unsubscribe in message.text and message.unsubscribe in message.html
    if template.purpose == "marketing" and not (message.unsubscribe and shown):
        yield Finding(
            ("email",), "marketing without a way to unsubscribe; the page email.html or email.txt has lost it"
        )


def _list(names: list[str]) -> str:
    return ", ".join(names) or "none"
