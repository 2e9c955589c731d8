"""What one door may reach on the laptop: as much of the outside as its row in the catalogue supplies on AWS."""

from __future__ import annotations

from typing import Any

from infra.catalogue import Door
from shared.runtime import settings, wiring

# Part of the outside → the settings that lead to it on AWS. The others need none.
PARTS = {
    "table": settings.TABLE,
    "events": settings.EVENTS,
    "events_dlq": settings.EVENTS_DLQ,
    "tickets": settings.TICKETS,
    "tickets_dlq": settings.TICKETS_DLQ,
    "messages": settings.MESSAGES,
    "messages_dlq": settings.MESSAGES_DLQ,
    "identity_key": settings.IDENTITY,
    "channel_accounts": settings.CHANNELS,
    "public_url": settings.PUBLIC,
    "lake": settings.LAKE,
}
# What a stage may not have; a door without the setting has it not either.
OPTIONAL = {"second_opinion": settings.SECOND_OPINION, "content_help": settings.CONTENT_HELP}


class SuppliedOutside:
    """An outside that raises MissingSetting, as AWS would, for a part the door's row does not supply."""

    def __init__(self, outside: wiring.Outside, door: Door) -> None:
        self._outside = outside
        self._door = door

    def __getattr__(self, part: str) -> Any:
        wanted = PARTS.get(part)
        if wanted and wanted not in self._door.settings:
            raise settings.MissingSetting(f"{self._door.name} is not supplied with {', '.join(wanted.variables)}")
        if part in OPTIONAL and OPTIONAL[part] not in self._door.settings:
            return None
        return getattr(self._outside, part)
