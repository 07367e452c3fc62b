"""The line of a TOML text in which a value stands, for what is told of its faults."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any


class Lines:
    """Knows the lines of one text. Of a text that the parser with lines does not take it knows none."""

    def __init__(self, text: str) -> None:
        import toml_rs  # for files with faults only

        try:
            self._nodes: Any = toml_rs.load_with_metadata(BytesIO(text.encode())).meta["nodes"]
        except (toml_rs.TOMLDecodeError, UnicodeEncodeError):
            self._nodes = {}

    def __call__(self, place: Sequence[str | int]) -> int | None:
        """The line of the value at this place, or of the innermost table or key around it that has one."""
        node, line = self._nodes, None
        for part in place:
            inner: Any = node.get("value") if _has_line(node) or "value_line" in node else node
            of_list = isinstance(part, int) and isinstance(inner, list) and part < len(inner)
            if not of_list and not (isinstance(part, str) and isinstance(inner, dict) and part in inner):
                break
            node = inner[part]
            line = _line(node) or line
        return line


def _has_line(node: Any) -> bool:
    return isinstance(node, dict) and type(node.get("key_line")) is int


def _line(node: Any) -> int | None:
    """A `[table]` has no line of its own: its first child's, which is below its head."""
    if not isinstance(node, dict):
        return None
    for key in ("key_line", "value_line"):
        said = node.get(key)
        if type(said) is int:
            return said
        if type(said) is tuple:
            return int(said[0])
    return next((line for child in node.values() if (line := _line(child)) is not None), None)
