"""The form of a topic: levels that are literal, `+`, or hold placeholders; the last may be `#` or `{rest...}`.

A level may hold several placeholders with text between, such as `{app}@{tenant}`: each takes what stands before the first
occurrence of the text that follows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aedilis.identity import from_topic_level
from aedilis.vocabulary import RejectReason
from sensors.payload import Refused

_PART = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[^\W\d]\w*")

Fields = dict[str, str]
"""Placeholder → what stands there in a topic, still percent-encoded."""


class Template:
    """A template of topics, compiled."""

    def __init__(self, text: str) -> None:
        """Raises ValueError, with what was expected, when it is none."""
        self.text = text
        levels = text.split("/")
        rest = re.fullmatch(r"#|\{(\w+)\.\.\.\}", levels[-1])
        self._rest = None if rest is None else rest[1] or ""
        """The placeholder of the levels that follow; empty for `#`; None where none may."""
        self._levels = [_Level(level) for level in (levels if rest is None else levels[:-1])]
        names = [name for level in self._levels for name in level.names] + ([self._rest] if self._rest else [])
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"expected each placeholder once, got {{{min(twice)}}} twice")
        self.names = frozenset(names)
        ends = [] if rest is None else ["#"]
        self.form = "/".join([*(level.form for level in self._levels), *ends])
        """Templates of one form match the same topics."""
        self.filter = "/".join([*("+" if level.names else level.form for level in self._levels), *ends])
        """The MQTT filter of its topics; with text between placeholders it lets more through."""
        self.rank = tuple(level.rank for level in self._levels) + ((3,) if ends else ())
        """The more literal of two templates that match one topic has the lower rank, and reads it."""

    def match(self, topic: str) -> Fields | None:
        """What stands at the placeholders when a topic has this form."""
        levels = topic.split("/")
        if len(levels) != len(self._levels) and (self._rest is None or len(levels) < len(self._levels)):
            return None
        fields: Fields = {}
        for declared, level in zip(self._levels, levels, strict=False):
            if not declared.match(level, fields):
                return None
        if self._rest:
            fields[self._rest] = "/".join(levels[len(self._levels) :])
        return fields

    def head(self, placeholder: str) -> str | None:
        """The MQTT filter of the levels before the one that this placeholder fills; None where it fills none."""
        for number, level in enumerate(self._levels):
            if level.form == "+" and level.names == (placeholder,):
                return "".join(f"{part}/" for part in self.filter.split("/")[:number])
        return None

    def fill(self, fields: Mapping[str, str]) -> str:
        """The topic with these words at its placeholders; `+` stays."""
        return _PART.sub(lambda found: fields[found[1].removesuffix("...")], self.text)


class _Level:
    """One level: texts with placeholders between."""

    __slots__ = ("_texts", "form", "names", "rank")

    def __init__(self, text: str) -> None:
        self._texts = _PART.split(text)[::2]
        self.names = tuple(_PART.split(text)[1::2])
        self.form = "+".join(self._texts)
        for name in self.names:
            if not _NAME.fullmatch(name):
                raise ValueError(f"expected a placeholder of letters, digits and _, got {{{name}}}")
        if "" in self._texts[1:-1]:
            raise ValueError(f"expected text between the placeholders of {text!r}: else nobody knows where one ends")
        if text != "+" and any(char in part for part in self._texts for char in "+#{}"):
            raise ValueError(f"expected + as a whole level, # or {{rest...}} as the last, got {text!r}")
        self.rank = 2 if self.form == "+" else 1 if self.names else 0

    def match(self, level: str, fields: Fields) -> bool:
        if self.form == "+":
            if self.names:
                fields[self.names[0]] = level
            return True
        if not self.names:
            return level == self._texts[0]
        first, *texts = self._texts
        if not level.startswith(first):
            return False
        level = level[len(first) :]
        for name, text in zip(self.names, texts, strict=True):
            last = name == self.names[-1]
            at = len(level) - len(text) if last and level.endswith(text) else level.find(text) if not last else -1
            if at < 1:  # a placeholder stands for one character at least
                return False
            fields[name], level = level[:at], level[at + len(text) :]
        return True


def placeholders(text: str) -> frozenset[str]:
    """The placeholders of a text such as `{tenant}-north`.

    Raises:
        ValueError: its braces are none.
    """
    names = frozenset(_PART.findall(text))
    if any(not _NAME.fullmatch(name) for name in names) or set("{}") & set(_PART.sub("", text)):
        raise ValueError("expected text with placeholders such as {agency}")
    return names


def filled(text: str, fields: Mapping[str, str]) -> str:
    """The text with words at its placeholders."""
    return _PART.sub(lambda found: fields[found[1]], text)


def decoded(fields: Fields) -> Fields:
    """What stands at the placeholders, percent-decoded.

    Raises:
        Refused: it is not UTF-8.
    """
    try:
        return {name: from_topic_level(word) for name, word in fields.items()}
    except UnicodeDecodeError as error:
        detail = "a level of the topic is not UTF-8 when percent-decoded"
        raise Refused(RejectReason.INVALID_UTF8, detail) from error
