"""Where a value stands in a record: one key, or a list of keys and list indexes that goes deeper.

A text is one key, taken literally, dots and all. What a type declares deep inside is brought up before a record is read,
so that all that reads records knows one level only: a key is a text, or a tuple where it comes from below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import Field

Path = Annotated[
    str | Annotated[tuple[str | Annotated[int, Field(ge=0)], ...], Field(min_length=1)],
    Field(description="one key, taken literally, or a list of keys and list indexes that goes deeper"),
]
Key = str | tuple[str | int, ...]
"""A path as records know it: a text where it is one key, else a tuple."""

EVERYTHING = "*"
"""As an ignored path: all that is not declared."""

_PLAIN = re.compile(r"[^\W\d][\w-]*|@[\w-]+")


def key_of(path: Key) -> Key:
    """The key of a path: a list of one text is that text."""
    return path[0] if len(path) == 1 and isinstance(path, tuple) and isinstance(path[0], str) else path


def joined(key: Key) -> str:
    """The key as a format names it where it speaks of a value: `BME280/Temperature`."""
    return key if isinstance(key, str) else "/".join(map(str, key))


def last_key(path: Key) -> str:
    """The innermost text of a path: what a label is called in templates."""
    parts = (path,) if isinstance(path, str) else path
    return next((part for part in reversed(parts) if isinstance(part, str)), "")


def show(path: Key, root: str = "$") -> str:
    """A path as errors write it: `$.SDS0X1["PM2.5"]`."""
    parts = (path,) if isinstance(path, str) else path
    return root + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" if _PLAIN.fullmatch(part) else f'["{part}"]'
        for part in parts
    )


def getter(path: Key) -> Callable[[Any], Any]:
    """What finds the value in a content as it came; None where there is none."""
    parts: tuple[Any, ...] = (path,) if isinstance(path, str) else path

    def get(content: Any) -> Any:
        for part in parts:
            if type(content) is (list if type(part) is int else dict):
                try:
                    content = content[part]
                except (KeyError, IndexError):
                    return None
            else:
                return None
        return content

    return get


def put(record: dict[str, Any], path: Key, value: Any) -> None:
    """Write a value where the path says; objects on the way are made. Lists are not: an index is written as a key."""
    *before, last = (path,) if isinstance(path, str) else path
    for part in before:
        record = record.setdefault(str(part), {})
    record[str(last)] = value


_Tree = dict[Any, Any]
"""Key → where the declared paths go on: a tree, or at an end the key of the path; `_IGNORED` where nobody looks."""
_IGNORED = object()


def flattener(keys: Iterable[Key], ignored: Iterable[Key]) -> Callable[[dict[str, Any]], dict[Any, Any]] | None:
    """What brings up the values that stand deep inside a record; None where all keys are plain.

    What leaves the declared paths comes up where it leaves them, whole, unless it is ignored. Keys of a format, which
    begin with `@`, stay. Each of the declared `keys` ends where no other goes on.
    """
    keys, ignored = set(keys), set(ignored)
    if all(isinstance(key, str) for key in keys | ignored):
        return None
    tree: _Tree = {}
    for key in keys:
        _plant(tree, key, key)
    for key in ignored - {EVERYTHING}:
        _plant(tree, key, _IGNORED)
    if EVERYTHING in ignored:
        _ignore_the_rest(tree)

    def flatten(record: dict[str, Any]) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        _climb(record, tree, (), found)
        return found

    return flatten


def _plant(tree: _Tree, key: Key, end: Any) -> None:
    *before, last = (key,) if isinstance(key, str) else key
    for part in before:
        tree = tree.setdefault(part, {})
        if type(tree) is not dict:
            return  # farther up all of it is ignored already, or is declared as one value
    below = tree.get(last)
    if end is not _IGNORED or below is None:
        tree[last] = end
    elif type(below) is dict:  # declared paths go on from here: what else is below is ignored
        _ignore_the_rest(below)


def _ignore_the_rest(tree: _Tree) -> None:
    tree[...] = _IGNORED
    for below in tree.values():
        if type(below) is dict:
            _ignore_the_rest(below)


def _climb(node: Any, tree: _Tree, at: tuple[str | int, ...], found: dict[Any, Any]) -> None:
    ignores = ... in tree
    for key, value in node.items() if type(node) is dict else enumerate(node):
        end = tree.get(key)
        if type(end) is dict:
            if type(value) in (dict, list):
                _climb(value, end, (*at, key), found)
            elif value is not None and not ignores:
                found[(*at, key) if at else key] = value
        elif end is None:
            if not ignores or (not at and str(key)[:1] == "@"):
                found[(*at, key) if at else key] = value
        elif end is not _IGNORED:
            found[end] = value
