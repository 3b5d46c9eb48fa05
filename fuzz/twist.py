"""JSON values turned into ones of other shapes: changes of bytes hardly ever do that, for they break the JSON."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**30, 0.5, 1e308, -1e308, "", "a", "\0", "\ud800",
    "\u202e", "é" * 300, "AAAA", "not base64!", "9999-12-31T23:59:59.999999-14:00", "0001-01-01T00:00:00+14:00",
    "2026-02-30", "2026-05-01T10:22:03", "camera", "generated", "known", [], {}, [[]], {"": {}}, [None], [0, "a"],
)  # fmt: skip
"""What is put in the place of a value."""


def twisted(value: Any, data: bytes) -> Any:
    """A copy of `value` with one to four changes, chosen by `data`: the same bytes, the same changes."""
    chosen = random.Random(data)
    made = [deepcopy(value)]
    for _ in range(1 + chosen.randrange(4)):
        holder: Any = made
        key: Any = 0
        while isinstance(holder[key], dict | list) and holder[key] and chosen.random() < 0.8:
            holder = holder[key]
            key = chosen.choice(sorted(holder)) if isinstance(holder, dict) else chosen.randrange(len(holder))
        way = chosen.randrange(6)
        if way == 0 and holder is not made:
            del holder[key]
            if not holder:
                break
        elif way == 1 and isinstance(holder, dict):
            holder[chosen.choice(("", "more", key + " "))] = deepcopy(holder[key])
        elif way == 2 and isinstance(holder, list):
            holder.insert(key, deepcopy(holder[key]))
        elif way == 3 and isinstance(holder[key], str):
            holder[key] = holder[key][: chosen.randrange(len(holder[key]) + 1)] + chosen.choice(
                ("", "x", "=", "\n")
            )
        else:
            holder[key] = deepcopy(chosen.choice(ODD))
    return made[0]
