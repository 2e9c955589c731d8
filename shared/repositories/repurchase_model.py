"""The repurchase model in force: stored beside the cut-offs, so that whoever reads those reads it too (G8, X23)."""

from __future__ import annotations

import json
from typing import Any

from shared.domain.common.playbook_rules import BgNbdRules
from shared.ports import Item, ObjectStore, Table, Update
from shared.repositories import table_keys

FOLDER = "models/repurchase"


def keep(table: Table, store: ObjectStore, document: dict[str, Any], version: str) -> str:
    """Keep a judged fit with its quality card under its version, and put it in force: its parameters where it may be
    used, none where not. The name of the stored card."""
    name = f"{FOLDER}/{version}.json"
    store.put(name, json.dumps({**document, "version": version}, ensure_ascii=False, indent=1).encode())
    # The table holds no fractions.
    fitted = {key: str(value) for key, value in (document["bg_nbd"] or {}).items()} if document["usable"] else {}
    model = {"card": name, "usable": document["usable"], "why": document["why"], "bg_nbd": fitted}
    table.write(Update(table_keys.CURRENT_CUTOFFS, set={("model",): model}))
    return name


def fitted(item: Item | None) -> BgNbdRules | None:
    """The shop's own parameters in the item of the cut-offs; None where no fit of its own may be used."""
    model = (item or {}).get("model", {})
    parameters = model.get("bg_nbd")
    if not parameters:
        return None
    values = {name: float(parameters[name]) for name in ("r", "alpha", "a", "b")}
    return BgNbdRules(**values, source=model["card"])
