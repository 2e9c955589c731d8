"""Payloads as nobody documented them: a good one with any part replaced, removed or nested anew."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "1700000000000", "-1", "9" * 400, "\ud800", "٣", 10**400, -(2**63), 1e400])
)
_ANYTHING = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [place for key, inner in steps for place in _places(inner, (*path, key))]


@st.composite
def mutated(draw: st.DrawFn, samples: Sequence[dict[str, Any]]) -> Any:
    """One of the samples after one to four changes."""
    payload: Any = deepcopy(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(_places(payload)))
        if not path:
            # The whole: rarely, or little would be left to change.
            if draw(st.integers(0, 9)) == 0:
                payload = draw(_ANYTHING)
            continue
        holder = payload
        for key in path[:-1]:
            holder = holder[key]
        if draw(st.booleans()) and isinstance(holder, dict):
            del holder[path[-1]]
        else:
            holder[path[-1]] = draw(_ANYTHING)
    return payload
