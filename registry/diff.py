"""What changes from one version of a sensor type to another: in words, and in lines of text."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from registry.types import Version
from sensors.declaration import SensorType

_SHOWN = 120
_NAMED = {"properties": "property", "detectors": "detector"}
"""Lists whose items have a name: an item is added, removed or changed by its name, wherever it stands."""


def in_words(old: SensorType, new: SensorType) -> list[str]:
    """One sentence a change, without the version itself; nothing where both say the same."""
    return list(_changes(_told(old), _told(new), ()))


def in_lines(old: Version, new: Version) -> str:
    """A unified diff of the texts."""
    before, after = (f"{one.name}@{one.version}" for one in (old, new))
    lines = difflib.unified_diff(old.text.splitlines(), new.text.splitlines(), before, after, lineterm="")
    return "\n".join(lines)


def _told(declared: SensorType) -> dict[str, Any]:
    told = declared.model_dump(mode="json", exclude_defaults=True)
    told.pop("version", None)
    told["properties"] = [
        {"unit": one.unit, **two} for one, two in zip(declared.properties, told["properties"], strict=True)
    ]
    return told


def _changes(old: Mapping[str, Any], new: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[str]:
    for key in [*old, *(key for key in new if key not in old)]:
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if key == "examples":
            yield "examples changed"
        elif key in _NAMED:
            yield from _items(_NAMED[key], before or [], after or [], at)
        elif isinstance(before or after, Mapping):
            yield from _changes(before or {}, after or {}, (*at, key))
        elif before is None:
            yield f"{_path(at, key)} added: {_shown(after)}"
        elif after is None:
            yield f"{_path(at, key)} removed, was {_shown(before)}"
        else:
            yield f"{_path(at, key)} changed from {_shown(before)} to {_shown(after)}"


def _items(
    what: str, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], at: tuple[str, ...]
) -> Iterator[str]:
    before, after = ({one["name"]: one for one in items} for items in (old, new))
    of = f"{at[-1]}: " if at else ""
    for name in before:
        if name not in after:
            yield f"{of}{what} {name} removed"
    for name, item in after.items():
        if name not in before:
            yield f"{of}{what} {name} added{_briefly(item)}"
        else:
            yield from _changes(before[name], item, (*at[:-1], f"{of}{what} {name}"))
    common = [name for name in before if name in after]
    if common != [name for name in after if name in before]:
        yield f"{of}order of {what} {', '.join(common)} changed to {', '.join(name for name in after if name in before)}"


def _path(at: tuple[str, ...], key: str) -> str:
    """`property x: fail`, `payload.flag`."""
    if not at:
        return key
    first, *rest = at
    inner = ".".join([*rest, key])
    return f"{first}: {inner}" if " " in first else f"{first}.{inner}"


def _briefly(item: Mapping[str, Any]) -> str:
    told = [f"{key} {_shown(value)}" for key, value in item.items() if key != "name"]
    return f" ({', '.join(told)})"[:_SHOWN] if told else ""


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(one)}" for key, one in value.items()) or "nothing"
    if isinstance(value, Sequence):
        return f"[{', '.join(_shown(one) for one in value)}]"
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
