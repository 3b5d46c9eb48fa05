"""TOML as cards are written: one form for the same values, read back exactly by the standard library's reader."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def document(values: Mapping[str, Any]) -> str:
    """A TOML document of texts, numbers, truth values, lists of these, tables, and lists of tables; in that order.

    Raises TypeError for a value that is none of these.
    """
    return "\n".join(_table(values, "")) + "\n"


def _table(values: Mapping[str, Any], path: str) -> Iterator[str]:
    later: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping) or (isinstance(value, list) and value and isinstance(value[0], Mapping)):
            later.append((name, value))
        elif not (isinstance(value, list) and not value):
            yield f"{name} = {_value(value)}"
    for name, value in later:
        inner = f"{path}.{name}" if path else name
        for one in value if isinstance(value, list) else [value]:
            yield ""
            yield f"[[{inner}]]" if isinstance(value, list) else f"[{inner}]"
            yield from _table(one, inner)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, list):
        return f"[{', '.join(_value(v) for v in value)}]"
    raise TypeError(f"{type(value).__name__} is not written to a card")
