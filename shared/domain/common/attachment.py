"""What a message carries beside its text: pictures, files, voice."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Attachment(BaseModel):
    """Something that came with a message: `kind` is the provider's word (image, file, location …)."""

    model_config = ConfigDict(frozen=True)

    kind: str
    url: str = ""
    name: str = ""
