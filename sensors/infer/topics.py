"""The topic's template: which level names the Thing, which the Agency, and which stand for themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from sensors.infer.samples import Guess

_OWN = "city"
"""The first level of our own topics: the next one is the Agency."""


class Topic(NamedTuple):
    """A template, and where the Agency comes from if not from the topic."""

    template: str
    agency: str | None
    guesses: Sequence[Guess]


def template_of(topics: Sequence[str], *, agency: str, known: str | None = None, names_thing: bool = True) -> Topic:
    """The template that all topics have in common.

    Args:
        topics: of the samples.
        agency: the owner where the topic names none.
        known: the template of the format's own example.
        names_thing: whether a level must name the Thing; else the message does.
    """
    if known is not None and known.split("/")[0] != _OWN and all(_has_form(known, topic) for topic in topics):
        return _from_format(known, agency, names_thing=names_thing)
    rows = [topic.split("/") for topic in topics]
    length = max(set(map(len, rows)), key=[len(row) for row in rows].count)
    rows = [row for row in rows if len(row) == length]
    distinct = [len({row[i] for row in rows}) for i in range(length)]
    levels = ["+" if number > 1 else rows[0][i] for i, number in enumerate(distinct)]
    guesses = []
    fixed: str | None = agency
    if levels[0] == _OWN and length > 2:
        levels[1], fixed = "{agency}", None
        guesses.append(Guess("$.topic", "{agency}", 0.9, f"the level after {_OWN!r} is the Agency"))
    else:
        guesses.append(
            Guess("$.thing.agency", agency, 0.3, "no level of the topic is known to be the owner; correct it")
        )
    if names_thing:
        at, confidence, why = _thing(rows, distinct, levels)
        levels[at] = "{thing}"
        guesses.append(Guess("$.topic", "{thing}", confidence, why))
    return Topic("/".join(levels), fixed, guesses)


def _from_format(known: str, agency: str, *, names_thing: bool) -> Topic:
    levels = ["+" if level == "{agency}" else level.replace("{agency}", "{owner}") for level in known.split("/")]
    known = "/".join(levels)
    guesses = [
        Guess("$.topic", known, 0.9, "the topics have the form of the payload format"),
        Guess("$.thing.agency", agency, 0.3, "the topic does not name the owner; correct it"),
    ]
    if names_thing and "{thing}" not in known:
        guesses.append(Guess("$.thing.name", "", 0.2, "nothing in the topic is known to name the Thing; add it"))
    return Topic(known, agency, guesses)


def _thing(rows: Sequence[Sequence[str]], distinct: Sequence[int], levels: Sequence[str]) -> tuple[int, float, str]:
    free = [i for i, level in enumerate(levels) if level != "{agency}"]
    most = max(distinct[i] for i in free)
    if most > 1:
        at = next(i for i in free if distinct[i] == most)
        return at, 0.9, f"level {at + 1} has {most} values in {len(rows)} samples"
    numbered = [i for i in free if re.search(r"\d", rows[0][i])]
    if numbered:
        at = numbered[-1]
        return at, 0.6, f"{rows[0][at]!r} looks like the number of a device; only one topic was seen"
    at = free[-2] if len(free) > 1 and levels[0] != _OWN else free[min(1, len(free) - 1)]
    return at, 0.4, f"only one topic was seen; level {at + 1} is a guess"


def _has_form(template: str, topic: str) -> bool:
    wanted, levels = template.split("/"), topic.split("/")
    if wanted[-1] == "#" or "..." in wanted[-1]:
        wanted, levels = wanted[:-1], levels[: len(wanted) - 1]
    return len(wanted) == len(levels) and all("{" in a or a in ("+", b) for a, b in zip(wanted, levels, strict=True))
