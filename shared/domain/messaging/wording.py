"""Words for one channel that stand in the place of a template's own: drafted by a model, approved by a person."""

from __future__ import annotations

from pydantic import Field

from shared.domain.common.strict_model import StrictModel


class Wording(StrictModel):
    """Words in Vietnamese for one channel: `subject` is an e-mail's or the title in a web slot, `greeting` an e-mail's
    and `cta` what stands on the button. An empty part leaves the template's own."""

    subject: str = Field("", max_length=300)
    greeting: str = Field("", max_length=300)
    text: str = Field(min_length=1, max_length=6000)
    cta: str = Field("", max_length=100)
