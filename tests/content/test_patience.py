"""How long a message waits to be opened is the template's to say, and the playbook's where it says nothing."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.content import Template
from shared.runtime.templates import renderer, templates


def test_a13_a_template_may_wait_shorter_than_the_playbook():
    writer = renderer("https://shop.example", b"k" * 32)
    quick = Template.model_validate(
        {"id": "quick", "purpose": "service", "title": {"vi": "Nhanh"}, "fallback_after": "2h",
         "zalo": {"text": {"vi": "Dạ"}}}
    )  # fmt: skip

    assert quick.fallback_after == timedelta(hours=2)
    assert writer.patience("order_thanks") is templates()["order_thanks"].fallback_after is None
    assert writer.patience("nothing_of_ours") is None
