"""What a model is asked to draft for a campaign, and the playbook's rules of content help (N17, U6, U7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import AwareDatetime, Field, NonNegativeInt, StringConstraints, field_validator

from shared.domain.campaigns.campaign import Audience
from shared.domain.common.channels import ChannelName
from shared.domain.common.localized_text import Text
from shared.domain.common.strict_model import StrictModel
from shared.domain.messaging.draft_checks import Code, FactCode, FormCode
from shared.domain.segments.segmentation import LIFECYCLE, VALUE

MOST_DRAFTS = 5

Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Sku = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


class Brief(StrictModel):
    """What the message is about, in the words of the person who asks. `products` are SKUs; an offer that ends has its
    moment in `offer_ends`."""

    goal: Said
    products: Annotated[tuple[Sku, ...], Field(max_length=10)] = ()
    offer: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)] = ""
    offer_ends: AwareDatetime | None = None
    must_say: Annotated[tuple[Said, ...], Field(max_length=5)] = ()

    @property
    def written(self) -> dict[str, str]:
        """The texts a person wrote, by field."""
        texts = {"goal": self.goal, "offer": self.offer}
        return texts | {f"must_say[{number}]": text for number, text in enumerate(self.must_say)}


class DraftRequest(StrictModel):
    """Drafts for one channel. The same request is answered by the same drafts; another `round` asks for new ones."""

    channel: ChannelName
    count: int = Field(3, ge=1, le=MOST_DRAFTS)
    brief: Brief
    round: int = Field(1, ge=1, le=20)


class Approval(StrictModel):
    """A person's decision for a draft; a part that is given stands in the place of the model's. `facts_confirmed`: the
    person answers for what an edited text says beyond brief and catalogue."""

    subject: str | None = Field(None, max_length=300)
    greeting: str | None = Field(None, max_length=300)
    text: str | None = Field(None, min_length=1, max_length=6000)
    cta: str | None = Field(None, max_length=100)
    facts_confirmed: bool = False


class ContentHelp(StrictModel):
    """The playbook's rules: at most `calls_a_day` questions to the model, its `instructions` and the shop's `tone`, how
    segments are described to it, and what a person reads about each problem of a draft."""

    calls_a_day: NonNegativeInt
    instructions: str = Field(min_length=1)
    tone: str = Field(min_length=1)
    segments: dict[str, str]
    problems: dict[Code, Text]

    @field_validator("segments")
    @classmethod
    def _every_segment(cls, words: dict[str, str]) -> dict[str, str]:
        _complete(words, (*LIFECYCLE, *VALUE))
        return words

    @field_validator("problems")
    @classmethod
    def _every_problem(cls, words: dict[Code, Text]) -> dict[Code, Text]:
        _complete(words, (*get_args(FactCode), *get_args(FormCode)))
        return words

    def who(self, audience: Audience) -> list[str]:
        """The audience in words: its segments, and nothing by which anybody could be known."""
        labels = [label for label in (*LIFECYCLE, *VALUE) if label in audience.segments]
        return [self.segments[label] for label in labels]


def _complete(words: Mapping[Any, Any], names: tuple[str, ...]) -> None:
    if missing := [name for name in names if name not in words]:
        raise ValueError(f"has no words for {', '.join(missing)}")
    if unknown := sorted(set(words) - set(names)):
        raise ValueError(f"has words for {', '.join(unknown)}, which there are not")
