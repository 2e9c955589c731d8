"""Show 3: the real Segment SDKs, pointed at a live `kq up`, and the 360° view a second later."""

import json
import os
import shutil
import subprocess

import pytest
from segment.analytics.client import Client

from tests.support.running import ROOT, Up, within

SHOWN_WITHIN_SECONDS = 1.0
NODE_SDK = "@segment/analytics-node@2.3.0"
NODE_FOLDER = ROOT / "build" / "node-sdk"

NODE_SCRIPT = """
const { Analytics } = require(process.env.SDK)
const { url, write_key } = JSON.parse(process.env.READY)
const analytics = new Analytics({ writeKey: write_key, host: url, path: '/v1/batch', maxRetries: 0 })
let failed = false
analytics.on('error', (error) => { failed = true; console.error(error) })
analytics.identify({ userId: '0912345678', traits: { name: 'Trần Thị Bình', email: 'binh@example.com' } })
analytics.track({
  userId: '0912345678',
  event: 'Order Completed',
  properties: { order_id: 'N-1', total: 2500000, currency: 'VND', products: [{ sku: 'A', price: 2500000 }] },
})
analytics.closeAndFlush({ timeout: 10000 }).then(() => process.exit(failed ? 1 : 0))
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


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_the_python_sdk_delivers(up, compressed):
    phone = "0903456789" if compressed else "0902345678"
    errors = []
    client = Client(
        up.ready["write_key"],
        host=up.url,
        gzip=compressed,
        max_retries=0,
        on_error=lambda error, _: errors.append(error),
    )
    client.identify(phone, {"name": "Nguyễn Văn An", "email": f"an{compressed}@example.com"})
    client.track(
        phone,
        "Order Completed",
        {
            "order_id": f"P-{compressed}",
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
    assert view["recent_orders"][0]["order_id"] == f"P-{compressed}"


@pytest.mark.node
@pytest.mark.skipif(shutil.which("npm") is None, reason="Node.js is not installed")
def test_the_node_sdk_delivers(up):
    sdk = NODE_FOLDER / "node_modules" / "@segment" / "analytics-node"
    if not sdk.exists():
        install = ["npm", "install", "--silent", "--no-save", "--prefix", str(NODE_FOLDER), NODE_SDK]
        subprocess.run(install, check=True, timeout=120)
    environment = os.environ | {"READY": json.dumps(up.ready), "SDK": str(sdk)}
    ended = subprocess.run(
        ["node", "-e", NODE_SCRIPT], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    view = shown(up, "0912345678")
    assert view["traits"]["name"] == "Trần Thị Bình"
    assert view["metrics"]["revenue"] == 2500000
