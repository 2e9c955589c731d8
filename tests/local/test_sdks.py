"""Show 3: real server SDKs of Segment and RudderStack, pointed at a live `kq up`; the 360° view a second later."""

import json
import os
import subprocess

import pytest
from rudderstack.analytics.client import Client as RudderStack
from segment.analytics.client import Client as Segment

from tests.support.npm_sdks import needs_node, npm_sdks
from tests.support.running import Up, within

SHOWN_WITHIN_SECONDS = 1.0
PYTHON_SDKS = {"segment": Segment, "rudderstack": RudderStack}

# How each is loaded, and how it is told to send what it holds; `sent` ends the program.
NODE_SDKS = {
    "segment": """
const { Analytics } = require(SDKS + '/@segment/analytics-node')
const analytics = new Analytics({ writeKey: write_key, host: url, path: '/v1/batch', maxRetries: 0 })
analytics.on('error', sent)
const flush = () => analytics.closeAndFlush({ timeout: 10000 }).then(() => sent())
""",
    "rudderstack": """
const Analytics = require(SDKS + '/@rudderstack/rudder-sdk-node')
const analytics = new Analytics(write_key, { dataPlaneUrl: url, flushInterval: 60000, retryCount: 0 })
const flush = () => analytics.flush().then(() => sent(), sent)
""",
}
NODE_SCRIPT = """
const SDKS = process.env.SDKS
const { url, write_key } = JSON.parse(process.env.READY)
const sent = (error) => { if (error) console.error(error); process.exit(error ? 1 : 0) }
%s
analytics.identify({ userId: '%s', traits: { name: 'Trần Thị Bình', email: 'binh.%s@example.com' } })
analytics.track({
  userId: '%s',
  event: 'Order Completed',
  properties: { order_id: 'N-%s', total: 2500000, currency: 'VND', products: [{ sku: 'A', price: 2500000 }] },
})
flush()
"""


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    with Up(log=tmp_path_factory.mktemp("up") / "log") as up:
        yield up


def shown(up, phone):
    """The view of a phone once it has both the name and the order."""

    def view():
        found = up.customer(phone)
        return found if found and found["metrics"]["orders"] and found["traits"].get("name") else None

    return within(SHOWN_WITHIN_SECONDS, view)


@pytest.mark.parametrize(
    ("sdk", "compressed", "phone"),
    [
        ("segment", False, "0902345678"),
        ("segment", True, "0903456789"),
        ("rudderstack", False, "0904567891"),
        ("rudderstack", True, "0905678912"),
    ],
)
def test_the_python_sdks_deliver(up, sdk, compressed, phone):
    errors = []
    client = PYTHON_SDKS[sdk](
        up.ready["write_key"],
        host=up.url,
        gzip=compressed,
        max_retries=0,
        on_error=lambda error, _: errors.append(error),
    )
    client.identify(phone, {"name": "Nguyễn Văn An", "email": f"an.{phone}@example.com"})
    client.track(
        phone,
        "Order Completed",
        {
            "order_id": f"P-{phone}",
            "total": 1250000,
            "currency": "VND",
            "products": [{"sku": "A", "name": "Áo dài", "price": 1250000, "quantity": 1}],
        },
    )
    client.shutdown()
    assert errors == []
    view = shown(up, phone)
    assert view["traits"]["name"] == "Nguyễn Văn An"
    assert view["metrics"]["revenue"] == 1250000
    assert view["recent_orders"][0]["order_id"] == f"P-{phone}"


@pytest.mark.node
@needs_node
@pytest.mark.parametrize(("sdk", "phone"), [("segment", "0912345678"), ("rudderstack", "0913456789")])
def test_the_node_sdks_deliver(up, sdk, phone):
    script = NODE_SCRIPT % (NODE_SDKS[sdk], phone, sdk, phone, sdk)
    environment = os.environ | {"READY": json.dumps(up.ready), "SDKS": str(npm_sdks())}
    ended = subprocess.run(
        ["node", "-e", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    view = shown(up, phone)
    assert view["traits"]["name"] == "Trần Thị Bình"
    assert view["metrics"]["revenue"] == 2500000
