"""A proposal as a file: TOML with the confidence and the reason of each guess beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sensors.infer.propose import Proposal
from sensors.infer.samples import Guess

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def as_toml(proposal: Proposal) -> str:
    """The text of the file."""
    guesses: dict[str, list[Guess]] = {}
    for guess in proposal.guesses:
        guesses.setdefault(guess.path, []).append(guess)
    lines: list[str] = [
        "# Proposed from samples. Behind each guess stands how sure it is, 0 to 1, and why: correct what is wrong.",
    ]
    tables = [(key, value) for key, value in proposal.declared.items() if _is_table(value)]
    for key, value in proposal.declared.items():
        if not _is_table(value):
            lines.append(_line(key, value, guesses.get(f"$.{key}", ())))
    for key, value in tables:
        if isinstance(value, Mapping):
            lines += ["", f"[{key}]", *_lines(value, f"$.{key}", guesses)]
        for i, one in enumerate(value if isinstance(value, list) else ()):
            lines += ["", f"[[{key}]]", *_lines(one, f"$.{key}[{i}]", guesses)]
    return "\n".join(lines) + "\n"


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def _lines(table: Mapping[str, Any], path: str, guesses: Mapping[str, Sequence[Guess]]) -> list[str]:
    return [_line(key, value, guesses.get(f"{path}.{key}", ())) for key, value in table.items()]


def _line(key: str, value: Any, guesses: Sequence[Guess]) -> str:
    said = "; ".join(dict.fromkeys(f"{guess.confidence:.2f}: {guess.why}" for guess in guesses))
    return f"{_name(key)} = {inline(value)}" + (f"  # {said}" if said else "")


def _name(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def inline(value: Any) -> str:
    """A value as TOML writes it in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_name(key)} = {inline(one)}" for key, one in value.items()) + " }"
    if isinstance(value, Sequence):
        many = [inline(one) for one in value]
        joined = ", ".join(many)
        return f"[{joined}]" if len(joined) < 100 else "[\n  " + ",\n  ".join(many) + ",\n]"
    raise TypeError(f"TOML has no form for {type(value).__name__}")


def _text(value: str) -> str:
    plain = "'" not in value and all(char.isprintable() for char in value)
    if plain and ('"' in value or "\\" in value):
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
