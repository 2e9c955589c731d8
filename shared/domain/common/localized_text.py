"""A text in Vietnamese and, where given, in English."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from shared.domain.common.strict_model import StrictModel

Lang = Literal["vi", "en"]


class Text(StrictModel):
    """The words in Vietnamese and, where given, in English; a bare string in the YAML is Vietnamese."""

    vi: str = Field(min_length=1)
    en: str = ""

    @model_validator(mode="before")
    @classmethod
    def _vietnamese_first(cls, value: Any) -> Any:
        return {"vi": value} if isinstance(value, str) else value

    def in_language(self, lang: Lang) -> str:
        return self.en if lang == "en" and self.en else self.vi
