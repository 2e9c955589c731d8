"""Identities as they may stand where a person is only to be recognised: enough to ask by, too little to reach."""

from __future__ import annotations


def masked(name: str) -> str:
    """The value of an identity ("kind:value") with its middle left out: the last three characters, of an e-mail address
    the first one and the domain."""
    kind, _, value = name.partition(":")
    if kind == "email":
        local, _, domain = value.partition("@")
        return f"{local[:1]}•••@{domain}"
    return f"•••••••{value[-3:]}"
