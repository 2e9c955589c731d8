"""Door: pages for people. What they tap in a message, whose link is the key, and the FAQ, which is everybody's."""

from __future__ import annotations

from datetime import timedelta

from aws_lambda_powertools.event_handler import Response

from shared.domain.common.channels import channel_family
from shared.domain.common.money import vnd
from shared.domain.errors import Busy, Conflict, Invalid, KhachQuenError
from shared.domain.messaging.machine_opens import Touch
from shared.domain.messaging.message import Message
from shared.domain.messaging.template import SurveyKind
from shared.domain.messaging.tracked_links import Link, LinkKind, link_key, read
from shared.domain.vietnam_time import moment
from shared.domain.vouchers.voucher import clock, status
from shared.repositories import vouchers
from shared.repositories.unit_of_work import UnitOfWork
from shared.repositories.visitors import give_token
from shared.runtime import wiring
from shared.runtime.factories import bot
from shared.runtime.factories.journeys import journeys
from shared.runtime.html_pages import PRIVATE, page_answer
from shared.runtime.http import STATUS, HttpDoor, header
from shared.runtime.logs import logger
from shared.runtime.playbook.offers import offers
from shared.runtime.playbook.shop import shop
from shared.runtime.playbook.templates import templates
from shared.use_cases.messaging import follow_link
from shared.use_cases.messaging.answer_survey import SCORES, Survey, record_answer, survey_of
from shared.use_cases.messaging.unsubscribe import stop_marketing


def _refusal(error: KhachQuenError) -> Response[str]:
    """Links are tapped by customers: no problem document, but a page that says what to do."""
    status, _ = STATUS[type(error)]
    return page_answer("busy.html" if isinstance(error, Busy | Conflict) else "gone.html", status)


handler = HttpDoor(max_body=16 * 1024, refusal=_refusal)


@handler.routes.get("/r/<token>")
def follow(token: str) -> Response[str]:
    link = _link(token, "click")
    outside = wiring.outside()
    message = follow_link.message_of(outside.table, link)
    target = follow_link.target(message, link)
    client = handler.event["requestContext"]["http"]["sourceIp"]
    touch = Touch("clicked", outside.clock(), user_agent=header(handler.event, "user-agent"), ip=client)
    try:
        if follow_link.count_click(outside.table, message, link, touch):
            # A forwarded link does not turn its reader into the customer: only the first click gets a token.
            target = follow_link.with_token(
                target,
                shop().website,
                lambda: give_token(outside.table, message["customer_id"], outside.clock(), outside.new_id),
            )
    except (Busy, Conflict):
        # A click that is not counted is a lesser evil than a customer who does not get there.
        logger.warning("a click was not counted", message_id=link.message_id)
    return Response(302, "text/plain; charset=utf-8", "", headers={**PRIVATE, "Location": target})


@handler.routes.get("/u/<token>")
def show_unsubscribe(token: str) -> Response[str]:
    """Shows a page and changes nothing: mail scanners follow every link."""
    message = follow_link.message_of(wiring.outside().table, _link(token, "unsubscribe"))
    return page_answer("unsubscribe.html", channel=_channel(message))


@handler.routes.post("/u/<token>")
def unsubscribe(token: str) -> Response[str]:
    """Our page's form, or the one click of a mail client (RFC 8058): whatever the body says, it is a refusal."""
    link = _link(token, "unsubscribe")
    outside = wiring.outside()
    message = follow_link.message_of(outside.table, link)
    form = handler.form()
    everywhere = form.get("scope") == "all"
    how = "page" if "scope" in form else "one_click"
    stop_marketing(outside.table, link, everywhere=everywhere, how=how, now=outside.clock())
    return page_answer("unsubscribed.html", channel=_channel(message), everywhere=everywhere)


@handler.routes.get("/s/<token>")
def show_survey(token: str) -> Response[str]:
    outside = wiring.outside()
    message = follow_link.message_of(outside.table, _link(token, "survey"))
    return _survey_page(survey_of(message, _kinds(), outside.clock()))


@handler.routes.post("/s/<token>")
def answer_survey(token: str) -> Response[str]:
    link = _link(token, "survey")
    outside = wiring.outside()
    form = handler.form()
    score, comment = form.get("score", ""), form.get("comment", "")
    now = outside.clock()
    try:
        survey = record_answer(journeys(now), link, score, comment, _kinds(), now)
    except Invalid:
        message = follow_link.message_of(outside.table, link)
        asked = survey_of(message, _kinds(), now)
        return _survey_page(Survey(asked.kind, None, comment), status=400)
    return page_answer("answered.html", survey=survey)


@handler.routes.get("/o/<code>")
def show_offer(code: str) -> Response[str]:
    """The landing page of one voucher (W10). It greets no one by name: a viewer learns the gift, not its owner."""
    outside = wiring.outside()
    voucher = vouchers.find(UnitOfWork(outside.table), offers(), code)
    ends, used = moment(voucher.valid_until), voucher.redeemed
    left = max(ends - outside.clock(), timedelta())
    return page_answer(
        "offer.html",
        state=status(voucher, outside.clock()),
        code=voucher.code,
        gift=voucher.gift.in_language("vi"),
        gift_en=voucher.gift.in_language("en"),
        ends=clock(voucher.valid_until),
        left={"days": left.days, "hours": left.seconds // 3600, "minutes": left.seconds % 3600 // 60},
        least=vnd(voucher.min_order) if voucher.min_order else "",
        categories=voucher.categories,
        stores=voucher.stores,
        bearer=voucher.bearer,
        used=clock(used.at) if used else "",
    )


@handler.routes.get("/faq")
def show_faq() -> Response[str]:
    return page_answer("faq.html", public=True, question="", found=[], **bot.faq_page())


@handler.routes.post("/faq")
def search_faq() -> Response[str]:
    """The search text is in the body: a URL would keep it in every log on its way."""
    question = handler.form().get("q", "").strip()[: bot.LONGEST_QUESTION]
    return page_answer("faq.html", question=question, found=bot.search(question), **bot.faq_page())


def _link(token: str, kind: LinkKind) -> Link:
    return read(token, kind, link_key(wiring.outside().identity_key))


def _kinds() -> dict[str, SurveyKind]:
    return {name: template.survey for name, template in templates().items() if template.survey}


def _survey_page(survey: Survey, status: int = 200) -> Response[str]:
    scores = SCORES[survey.kind]
    return page_answer("survey.html", status, survey=survey, scores=scores, wrong=status == 400)


def _channel(message: Message) -> str:
    """The channel by the name that customers use: what has several names here is one channel to them."""
    return channel_family(str(message.get("channel", "email")))[0]
