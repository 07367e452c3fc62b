"""How the faults of a declaration are told: all at once, each with its path, its line, what was expected, what came, and
the mend. What the faults are is told by the form of the file and by checks of how its parts agree.

A part with a fault does not hide those of the others: the checks see the declaration without what is wrong in it.
"""

from __future__ import annotations

import copy
import difflib
import json
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from aedilis.errors import Fault
from sensors.lines import Lines

Model = TypeVar("Model", bound=BaseModel)
Check = Callable[[Model], Iterable[tuple[str, str]]]
"""(path, problem) of what is right in itself and wrong together; a problem may end with `; mend`."""
Place = tuple[str | int, ...]

_ROUNDS = 4
_DEPENDS = {"datastream": "$.payload.labels", "without": "$.detectors", "compute": "$.inputs"}
"""Last key of a path → where a fault may be the cause of what is said of it."""
_WORDS = {
    r", (unable to|got a number with) .*": "",
    r"a valid array": "a list",
    r"an object": "a table",
    r"a valid boolean": "true or false",
    r"a valid number": "a number",
    r"a valid integer": "a whole number",
    r"a valid string": "text",
    r"String should match pattern": "text of the form",
    r"String should have": "text of",
    r"(Tuple|List|Dictionary) should have": "a list of",
    r" after validation, not \d+": "",
}
_INDEXED = re.compile(r"\$\.(\w+)\[(\d+)\]")


def examined(
    text: str, model: type[Model], checks: Sequence[Check[Model]], stand_ins: Mapping[str, Any]
) -> tuple[Model | None, list[Fault]]:
    """What a text declares, and its faults in the order of their lines; no declaration with faults.

    Args:
        text: TOML.
        model: The form of the file.
        checks: Of how parts agree.
        stand_ins: For each key that must be there, a value with which the others can be checked.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        return None, [Fault("", f"not TOML: {error}", line=int(line[1]) if line else None)]
    except RecursionError:
        return None, [Fault("", "not TOML: nested too deep")]
    try:
        declared = of_toml(model, raw)
    except ValidationError as error:
        faults = of_form(error, model, raw)
        wrong = {fault.path for fault in faults}
        whole, numbers = _salvaged(model, raw, error, stand_ins)
        problems = [] if whole is None else _numbered(whole, checks, numbers)
        faults += [_agreed(*problem) for problem in problems if not _follows(problem[0], wrong)]
    else:
        faults = [_agreed(*problem) for check in checks for problem in check(declared)]
        if not faults:
            return declared, []
    lines = Lines(text)
    faults = [fault._replace(line=lines(_place(fault.path))) for fault in faults]
    return None, sorted(faults, key=lambda fault: fault.line or 0)


def of_toml(model: type[Model], raw: Any) -> Model:
    """The values as the form has them, each of the type that TOML gives it: no number in quotes, no word for a boolean.

    Raises:
        ValidationError: they are not of that form.
    """
    # as JSON, since of Python's own values a list is no strict tuple and a text no strict member of an enum; a date is
    # nothing that a form has
    return model.model_validate_json(json.dumps(raw, default=lambda _: {"date": None}), strict=True)


def of_form(error: ValidationError, model: type[BaseModel], raw: Any, root: str = "$") -> list[Fault]:
    """The faults of values that pydantic found below `root`, one for each place."""
    found: dict[str, list[tuple[Place, Any]]] = {}
    for fault in error.errors():
        place = _seen(raw, fault["loc"], missing=fault["type"] == "missing")
        found.setdefault(_path(place, root), []).append((place, fault))
    faults = []
    for path, at in found.items():
        deeper = any(other.startswith((f"{path}[", f"{path}.")) for other in found)
        if deeper and all(fault["type"] != "value_error" for _, fault in at):
            continue  # a list counts as empty when its only item has a fault, a path as no text: what is inside is enough
        place = at[0][0]
        faults.append(_of_place(path, place, [fault for _, fault in at], model, _shown(_value(raw, place))))
    return faults


def _of_place(path: str, place: Place, faults: Sequence[Any], model: type[BaseModel], got: str) -> Fault:
    kinds = {fault["type"] for fault in faults}
    if kinds == {"extra_forbidden"}:
        known = _keys(model, place[:-1])
        close = difflib.get_close_matches(str(place[-1]), known, n=1)
        mend = f"do you mean {close[0]}? Else remove it" if close else "remove it, or correct its spelling"
        among = f"one of {', '.join(known)}" if known else "no such key"
        return Fault(path, "unknown key", mend, expected=among, got=str(place[-1]))
    if kinds == {"missing"}:
        return Fault(path, "missing", "add it", expected="a value", got="nothing")
    message = str(faults[0]["msg"])
    if message.startswith("Value error, ") and not message.startswith("Value error, expected "):  # of our own words
        said, _, mend = message.removeprefix("Value error, ").partition("; ")
        return Fault(path, f"{said}, got {got}", mend or "correct it", got=got)
    expected = " or ".join(dict.fromkeys(_expected(fault["msg"]) for fault in faults))
    return Fault(path, f"expected {expected}, got {got}", "correct it", expected=expected, got=got)


def _expected(message: str) -> str:
    """In words of TOML, not of Python."""
    message = message.removeprefix("Value error, ").removeprefix("Input should be ").removeprefix("expected ")
    for python, toml in _WORDS.items():
        message = re.sub(python, toml, message)
    return message[:1].lower() + message[1:] if message[1:2].islower() else message


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _agreed(path: str, problem: str) -> Fault:
    said, _, mend = problem.rpartition("; ")
    said = said or problem
    told = re.fullmatch(r"expected (?:it )?(.+), got (.+)", said)
    mend = mend if said != problem else ""
    return Fault(path, said, mend, expected=told[1] if told else "", got=told[2] if told else "")


# ---------------------------------------------------------------- places


def _seen(raw: Any, loc: Sequence[str | int], *, missing: bool) -> Place:
    """Where it stands in the file: pydantic puts the branches of a union among the keys."""
    place: list[str | int] = []
    for i, part in enumerate(loc):
        inside = (isinstance(raw, dict) and part in raw) or (
            isinstance(raw, list) and isinstance(part, int) and part < len(raw)
        )
        if inside:
            place.append(part)
            raw = raw[part]
        elif missing and i == len(loc) - 1:
            place.append(part)
    return tuple(place)


def _value(raw: Any, place: Place) -> Any:
    """What stands there; None where nothing does."""
    for part in place:
        raw = raw.get(part) if isinstance(raw, dict) else raw[part]
    return raw


def _path(place: Place, root: str = "$") -> str:
    return root + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)


def _place(path: str) -> Place:
    """Of a path as it is told; a key with dots in it is looked for no deeper than what is around it."""
    return tuple(int(part[1:-1]) if part[0] == "[" else part[1:] for part in re.findall(r"\[\d+\]|\.[^.\[\]]+", path))


def _keys(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that the table at this place may have."""
    for part in place:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        inner = None if field is None else _model_in(field.annotation)
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for one in get_args(annotation) if (model := _model_in(one)) is not None), None)


# ---------------------------------------------------------------- what is right beside what is wrong

_Numbers = dict[str, list[int | None]]
"""List of the file → of each item that is left, its number in the file; None for a stand-in."""


def _salvaged(
    model: type[Model], raw: Any, error: ValidationError, stand_ins: Mapping[str, Any]
) -> tuple[Model | None, _Numbers]:
    """The declaration without what has faults; None where nothing can be made of the rest."""
    left = copy.deepcopy(raw)
    numbers: _Numbers = {
        key: list(range(len(value))) for key, value in left.items() if isinstance(value, list) and value
    }
    for _ in range(_ROUNDS):
        places = {_seen(left, fault["loc"], missing=fault["type"] == "missing") for fault in error.errors()}
        gone: set[tuple[str, int]] = set()
        for place in places:
            if not any(other[: len(place)] == place != other for other in places):  # else the inner one is enough
                _take_out(left, place, gone)
        for key, i in sorted(gone, reverse=True):
            del left[key][i], numbers[key][i]
        for key, value in stand_ins.items():
            if not left.get(key) and left.get(key) != 0:
                left[key] = copy.deepcopy(value)
                numbers[key] = [None] * len(value) if isinstance(value, list) else []
        try:
            return of_toml(model, left), numbers
        except ValidationError as again:
            error = again
    return None, numbers


def _take_out(left: dict[str, Any], place: Place, gone: set[tuple[str, int]]) -> None:
    if not place:
        return
    top, *below = place
    value = left.get(str(top))
    if isinstance(value, list) and below and isinstance(below[0], int):
        item = value[below[0]]
        if isinstance(item, dict) and len(below) > 1 and below[1] in item:
            del item[below[1]]
        else:
            gone.add((str(top), below[0]))
    elif isinstance(value, dict) and below and below[0] in value:
        del value[below[0]]
    else:
        left.pop(str(top), None)


def _numbered(whole: Model, checks: Sequence[Check[Model]], numbers: _Numbers) -> list[tuple[str, str]]:
    """What the checks say, with the numbers that items have in the file."""
    found = []
    for path, problem in (told for check in checks for told in check(whole)):
        lost = False

        def number(match: re.Match[str]) -> str:
            nonlocal lost
            items = numbers.get(match[1])
            if items is None:
                return match[0]
            i = items[int(match[2])]
            lost = lost or i is None
            return f"$.{match[1]}[{i}]"

        numbered = _INDEXED.sub(number, path), _INDEXED.sub(number, problem)
        if not lost:
            found.append(numbered)
    return found


def _follows(path: str, wrong: Collection[str]) -> bool:
    """Whether a problem may be no more than the consequence of a fault that is told already."""
    if re.fullmatch(r"\$\.\w+\[\d+\]", path):
        return path in wrong or f"{path}.field" in wrong  # of the item itself its other keys say nothing
    causes = [path, *(cause for key, cause in _DEPENDS.items() if re.search(rf"\.{key}(\[\d+\])?$", path))]
    return any(
        one == cause or one.startswith((f"{cause}.", f"{cause}[")) or cause.startswith((f"{one}.", f"{one}["))
        for one in wrong
        for cause in causes
    )
