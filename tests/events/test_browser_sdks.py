"""Real SDKs in a real browser, on a page of another origin: what they send arrives, but for what is no page's to say.

The device's clock is the real one and the house stands still on another day, as on any visitor's wrong clock.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from infra.local.http_base import Handler, Server
from infra.local.stack.http_server import HttpServer
from shared.domain.customers.identity import identity
from shared.use_cases.customers.view import find
from tests.support.chromium import Browser, needs_chromium
from tests.support.npm_sdks import needs_node, npm_sdks
from tests.support.popups import waiting_popup
from tests.support.shop import PHONE, Shop

pytestmark = [pytest.mark.browser, pytest.mark.node, needs_chromium, needs_node]

# It counts the messages of every call that was answered, and keeps what the answers say: a page can read only what
# the browser lets it.
PAGE = """<!doctype html>
<html lang="vi"><meta charset="utf-8"><title>Áo dài lụa</title><link rel="icon" href="data:,">
<script>
  const told = { messages: 0, calls: [], answers: [] }
  const note = (sent, url, answer) => {
    told.messages += JSON.parse(sent).batch?.length ?? 1
    told.calls.push(new URL(url).pathname)
    told.answers.push(JSON.parse(answer))
  }
  const ask = window.fetch
  window.fetch = async (url, request) => {
    const answer = await ask(url, request)
    note(request.body, answer.url, await answer.clone().text())
    return answer
  }
  const send = XMLHttpRequest.prototype.send
  XMLHttpRequest.prototype.send = function (body) {
    this.addEventListener('load', () => note(body, this.responseURL, this.responseText))
    send.call(this, body)
  }
</script>
<script src="/sdk.js"></script>"""

SEGMENT = """
const analytics = AnalyticsNext.AnalyticsBrowser.load(
  { writeKey: KEY, cdnSettings: { integrations: { 'Segment.io': {} } } },
  { integrations: { 'Segment.io': { apiKey: KEY, apiHost: HOST + '/v1', protocol: 'http', deliveryStrategy: HOW } } },
)
const visitor = async () => (await analytics.user()).anonymousId()
"""
RUDDERSTACK = """
const analytics = new rudderanalytics.RudderAnalytics()
const source = { id: 'web', name: 'web', writeKey: KEY, enabled: true, config: {}, destinations: [] }
analytics.load(KEY, 'http://' + HOST, { getSourceConfig: () => ({ source }), queueOptions: HOW })
const visitor = () => new Promise((say) => analytics.ready(() => say(analytics.getAnonymousId())))
"""
VISIT = """
analytics.page()
analytics.track('Product Viewed', { sku: 'AD1', name: 'Áo dài lụa', price: 900000 })
analytics.track('Product Added', { cart_id: 'gio-1', sku: 'AD1', name: 'Áo dài lụa', price: 900000, quantity: 1 })
analytics.track('Cart Updated', {
  cart_id: 'gio-1', products: [{ sku: 'AD1', name: 'Áo dài lụa', price: 900000, quantity: 2 }],
})
analytics.track('Order Completed', { order_id: 'HD1', total: 9000000 })
0"""


class Sdk(NamedTuple):
    """An SDK's file, how a page loads it, how it is told to deliver, and the calls that it then makes."""

    file: str
    load: str
    how: dict[str, Any]
    calls: set[str]


SEGMENT_FILE = "@segment/analytics-next/dist/umd/index.js"
# Its other builds fetch their plugins from a CDN.
RUDDERSTACK_FILE = "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js"
BATCH = {"batch": {"enabled": True, "flushInterval": 200}}
SDKS = {
    "segment": Sdk(SEGMENT_FILE, SEGMENT, {"strategy": "standard"}, {"/v1/p", "/v1/t"}),
    "segment in batches": Sdk(SEGMENT_FILE, SEGMENT, {"strategy": "batching", "config": {"timeout": 200}}, {"/v1/b"}),
    "rudderstack": Sdk(RUDDERSTACK_FILE, RUDDERSTACK, {}, {"/v1/page", "/v1/track"}),
    "rudderstack in batches": Sdk(RUDDERSTACK_FILE, RUDDERSTACK, BATCH, {"/v1/batch"}),
}


class Visit:
    """A visitor on the shop's page, which has loaded an SDK with its browser key."""

    def __init__(self, shop: Shop, browser: Browser, page: str, house: str, sdk: Sdk) -> None:
        self.shop, self.browser, self.calls = shop, browser, sdk.calls
        key = shop.key("browser", origins=[page])
        browser.open(page)
        given = {"KEY": key, "HOST": house.removeprefix("http://"), "HOW": sdk.how}
        names = "".join(f"const {name} = {json.dumps(value)};" for name, value in given.items())
        browser.run(f"{names}{sdk.load};0")
        self.anonymous_id: str = browser.run("visitor()")

    def told(self, messages: int) -> list[dict[str, Any]]:
        """What the page was answered when so many messages have been; the house has worked on them."""
        self.browser.until(f"told.messages >= {messages}")
        self.shop.stack.drain()
        answers: list[dict[str, Any]] = self.browser.run("told.answers")
        return answers

    def popups(self) -> list[str]:
        """What the shop's page would show, as docs/integrations.md says it asks."""
        items = self.browser.run("""visitor().then((anonymousId) => fetch(`http://${HOST}/v1/popups`, {
          method: 'POST', headers: { Authorization: 'Basic ' + btoa(KEY + ':'), 'Content-Type': 'application/json' },
          body: JSON.stringify({ anonymousId }),
        })).then((answer) => answer.json()).then(({ items }) => items)""")
        return [slot["text"] for slot in items]

    def timeline(self, customer_id: str) -> list[str]:
        return [entry["name"] for entry in self._seen(customer_id, "/timeline")["items"]]

    def orders(self, customer_id: str) -> int:
        count: int = self._seen(customer_id, "")["metrics"]["orders"]
        return count

    def _seen(self, customer_id: str, what: str) -> dict[str, Any]:
        body: dict[str, Any] = self.shop.call("GET", f"/v1/customers/{customer_id}{what}").json
        return body


@pytest.fixture(params=SDKS)
def sdk(request: pytest.FixtureRequest) -> Sdk:
    return SDKS[request.param]


@pytest.fixture
def page(sdk: Sdk) -> Iterator[str]:
    """The origin of the shop's web page."""
    content = {"/": ("text/html", PAGE.encode()), "/sdk.js": ("text/javascript", (npm_sdks() / sdk.file).read_bytes())}

    class Site(Handler):
        def serve(self) -> None:
            kind, body = content[self.path]
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    site = Server(Site, name="site", poll=0.05)
    site.start()
    yield site.url
    site.stop(drop_connections=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture
def visit(shop: Shop, browser: Browser, page: str, sdk: Sdk) -> Iterator[Visit]:
    house = HttpServer(shop.stack)
    house.start()
    yield Visit(shop, browser, page, house.url, sdk)
    browser.leave()
    house.stop()


def test_a_visit_arrives_and_its_order_is_taken_from_the_shops_server_only(shop: Shop, visit: Visit):
    visit.browser.run(VISIT)
    answers = visit.told(messages=5)

    assert set(visit.browser.run("told.calls")) == visit.calls
    rejected = [one for answer in answers for one in answer.get("rejected", ())]
    assert all(answer["success"] for answer in answers)
    assert [(one["field"], one["reason"].partition(" is")[0]) for one in rejected] == [("event", "Order Completed")]
    visitor = find(shop.stack.table, identity("anonymous", visit.anonymous_id), shop.stack.outside.identity_key)
    assert sorted(visit.timeline(visitor)) == ["Cart Updated", "Product Added", "Product Viewed", "Áo dài lụa"]
    assert [item["pk"] for item in shop.items if item["sk"] == "K" and item["pk"].startswith("C#")] == [f"C#{visitor}"]
    assert visit.orders(visitor) == 0
    assert visit.popups() == []
    assert visit.browser.errors == []

    sale = {"type": "track", "event": "Order Completed", "messageId": "m1", "userId": PHONE,
            "anonymousId": visit.anonymous_id, "properties": {"order_id": "HD1", "total": 900_000}}  # fmt: skip
    assert shop.call("POST", "/v1/batch", {"batch": [sale]}).json == {"success": True}
    shop.stack.drain()
    buyer = shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json["customer_id"]
    assert visit.orders(buyer) == 1
    assert "Product Viewed" in visit.timeline(buyer)


def test_a_visitor_whom_the_shops_server_proves_is_that_customer(shop: Shop, visit: Visit):
    known = {"type": "identify", "messageId": "m1", "userId": "kh-17", "traits": {"phone": PHONE}}
    assert shop.call("POST", "/v1/batch", {"batch": [known]}).json == {"success": True}
    shop.stack.drain()
    lan = shop.call("POST", "/v1/customers/search", {"phone": PHONE}).json["customer_id"]
    waiting_popup(shop, lan, visit.anonymous_id, "Mã của chị: LAN50")
    assert visit.popups() == []

    proof = hmac.new(shop.write_key.encode(), b"kh-17", hashlib.sha256).hexdigest()
    visit.browser.run(f"analytics.identify('kh-17', {{}}, {{ context: {{ userHash: '{proof}' }} }}); 0")
    # The popup's own call is the first.
    visit.told(messages=2)
    visit.browser.run("analytics.track('Product Viewed', { sku: 'AD1', name: 'Áo dài lụa' }); 0")
    answers = visit.told(messages=3)

    assert answers[1:] == [{"success": True}] * 2
    assert "Product Viewed" in visit.timeline(lan)
    assert visit.popups() == ["Mã của chị: LAN50"]
    assert visit.browser.errors == []
