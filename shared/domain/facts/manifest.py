"""The manifest of one kind: which part holds a day, which raw objects it contains, and what nobody reads any more.

Names are never used for other bytes and what is retired never comes back, so a reader may go by an older manifest
until the grace of its files is over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field


@dataclass
class Manifest:
    """`parts`: local day → the one part that holds it. `folded`: raw object that a part contains → since when.
    `retired`: part that was replaced, or never came into use → since when. Moments are stamps."""

    parts: dict[str, str] = field(default_factory=dict)
    folded: dict[str, str] = field(default_factory=dict)
    retired: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, body: bytes | None) -> Manifest:
        return cls(**json.loads(body)) if body else cls()

    def body(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()

    def fold(self, day: str, part: str, raw: Iterable[str], at: str) -> None:
        """From now on `part` holds the day, with what the former part held and these raw objects."""
        if former := self.parts.get(day):
            self.retired[former] = at
        self.parts[day] = part
        self.folded |= dict.fromkeys(raw, at)

    def adopt(self, parts: Iterable[str], at: str) -> None:
        """Retire parts that no manifest knows: a run was killed after it had written them."""
        known = {*self.parts.values(), *self.retired}
        self.retired |= {part: at for part in parts if part not in known}

    def expired(self, until: str) -> list[str]:
        """What may be deleted: replaced at `until` or before."""
        return sorted(name for name, at in (self.folded | self.retired).items() if at <= until)

    def forget(self, names: Iterable[str]) -> None:
        """These are deleted."""
        for name in names:
            self.folded.pop(name, None)
            self.retired.pop(name, None)
