"""A sensor type proposed from samples: every guess with its confidence and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sensors.infer import numbers, quantities, times
from sensors.infer.formats import Fit, fits
from sensors.infer.samples import Guess, Path, Sample, Seen, by_path, leaves, number_of, seen, shown
from sensors.infer.topics import Topic, template_of
from sensors.template import Template

_LATITUDE = re.compile(r"^(lat|latitude|gps_lat|y_?coord)$", re.IGNORECASE)
_LONGITUDE = re.compile(r"^(lon|lng|long|longitude|gps_lon|gps_lng|x_?coord)$", re.IGNORECASE)
_ZONE = re.compile(r"^(zone|district|area|quarter|borough)$", re.IGNORECASE)
_STATES = {
    "off": 0.0,
    "on": 1.0,
    "closed": 0.0,
    "open": 1.0,
    "close": 0.0,
    "false": 0.0,
    "true": 1.0,
    "no": 0.0,
    "yes": 1.0,
}
_COUNTERS = re.compile(r"(^|_)(seq|f_?cnt|counter_?id|uptime|msg_?id|packet|frame|version|id|serial)$", re.IGNORECASE)
_UNIT = re.compile(r"^(unit|.*[_-]?unit|uom)$", re.IGNORECASE)
_EXAMPLES = 3


class Proposal(NamedTuple):
    """What the file would say, and on what each part rests."""

    declared: dict[str, Any]
    guesses: list[Guess]
    fit: Fit


class NothingToPropose(Exception):
    """No format reads the samples, or nothing in them is a value."""


def propose(
    samples: Sequence[Sample],
    now: int,
    *,
    name: str = "new-type",
    agency: str = "city",
    zone: str | None = None,
    payload_format: str | None = None,
) -> Proposal:
    """The likeliest sensor type of samples that are all of one kind.

    Args:
        samples: at least one.
        now: µs UTC, for samples of which nobody knows when they came.
        name: of the type.
        agency: the owner where nothing in the samples names one.
        zone: IANA zone of the installation, for local times that name none.
        payload_format: the format, where it is known.

    Raises:
        NothingToPropose: they cannot be read, or hold no value.
    """
    chosen = _choose(samples, now, payload_format)
    records_key, taken_apart, beside = _records(chosen)
    values = by_path(taken_apart)
    if not values:
        raise NothingToPropose("The samples hold no values.")
    guesses = [Guess("$.payload.format", chosen.format.name, min(0.99, round(chosen.score + 0.3, 2)), chosen.why)]
    topic = _topic(samples, chosen, taken_apart, agency)
    guesses += topic.guesses
    declared: dict[str, Any] = {
        "name": name,
        "version": 1,
        "title": name.replace("-", " ").capitalize(),
        "topic": _with_announcements(topic.template, samples, chosen),
    }
    found_time = _time(chosen, values, taken_apart, samples, zone)
    guesses += found_time.guesses if found_time else ()
    interval, sure, why = _interval(samples, taken_apart, found_time) or (
        300.0,
        0.1,
        "one sample tells no interval; correct it",
    )
    declared["interval_s"] = interval
    guesses.append(Guess("$.interval_s", interval, sure, why))
    declared["allowed_lateness_s"] = round(max(60.0, 2 * interval))
    if topic.agency:
        declared["thing"] = {"agency": topic.agency}
    payload: dict[str, Any] = {"format": chosen.format.name}
    if chosen.options:
        payload["options"] = dict(chosen.options)
    if records_key is not None:
        payload["records"] = records_key
        guesses.append(Guess("$.payload.records", records_key, 0.9, "a list of objects that are alike"))
    used: set[Path] = {found_time.path} if found_time else set()
    used |= _place({path: found for path, found in values.items() if path not in used}, payload, guesses)
    labels = _labels(taken_apart, values, used | beside) if records_key is not None else []
    if labels:
        payload["labels"] = [_key(path) for path in labels]
        guesses += [
            Guess("$.payload.labels", _key(path), 0.7, "text that tells the records of a message apart")
            for path in labels
        ]
        used |= set(labels)
    inside = {path: found for path, found in values.items() if path not in beside}
    properties, ignored = _properties(inside, used, taken_apart, guesses, labels)
    ignored += [path for path in sorted(beside - used, key=str)]
    if not properties:
        raise NothingToPropose("No number, state or unit in the samples could become an ObservedProperty.")
    if any(isinstance(value, str) for path in values for value in values[path] if _is_value(path, properties)) and not (
        chosen.format.numeric_text
    ):
        payload["numeric_text"] = True
        guesses.append(Guess("$.payload.numeric_text", True, 0.9, "numbers come as text"))
    if ignored:
        payload["ignore"] = [_key(path) for path in ignored]
    declared["payload"] = payload
    if found_time and found_time.declared:
        declared["time"] = dict(found_time.declared)
    elif not found_time and (chosen.format.time is None or chosen.format.time.default == "reject"):
        declared["time"] = {"default": "received"}
        if records_key == "time" or any(
            path[0] == "time" for path in values
        ):  # it is none, so the type must not look for the time there
            declared["time"]["field"] = "@time"
        guesses.append(Guess("$.time.default", "received", 0.6, "nothing in the samples is a time"))
    declared["detectors"] = [{"name": "gap", "severity": "minor", "parameters": {"after_s": round(4 * interval)}}]
    declared["properties"] = properties
    declared["examples"] = [_example(number, samples, chosen, now) for number in _different(taken_apart)]
    return Proposal(declared, guesses, chosen)


def _choose(samples: Sequence[Sample], now: int, payload_format: str | None) -> Fit:
    found = fits(samples, now)
    if payload_format is not None:
        found = [fit for fit in found if fit.format.name == payload_format]
    if not found:
        said = f"as {payload_format}" if payload_format else "by any format"
        raise NothingToPropose(f"Fewer than half of the {len(samples)} samples can be read {said}.")
    return found[0]


def _records(fit: Fit) -> tuple[str | None, list[Seen], set[Path]]:
    """The key of a list of objects, where the messages have one; the records taken apart, with what stands beside the
    list; and the paths of that.
    """
    tops = [record for records in fit.records for record in records]
    keys = {
        key for record in tops for key, value in record.items() if isinstance(value, list) and value and key[:1] != "@"
    }
    keys = {key for key in keys if all(_is_records(record.get(key), key) for record in tops)}
    if len(keys) != 1:
        return None, [seen(i, record) for i, records in enumerate(fit.records) for record in records], set()
    key = keys.pop()
    beside: set[Path] = set()
    taken_apart = []
    for i, records in enumerate(fit.records):
        for record in records:
            head = {name: value for name, value in record.items() if name != key}
            for one in record.get(key) or ():
                taken_apart.append(seen(i, {**head, **one}))
                beside |= {path for path, _ in leaves({k: v for k, v in head.items() if k not in one})}
    return key, taken_apart, beside


def _is_records(value: Any, key: str) -> bool:
    """A list of objects, or none; in such an object the key of the list itself would mean two things."""
    return value is None or (isinstance(value, list) and all(isinstance(one, dict) and key not in one for one in value))


def _topic(samples: Sequence[Sample], fit: Fit, taken_apart: Sequence[Seen], agency: str) -> Topic:
    """By the samples that hold values."""
    said = any("@thing" in one.said for one in taken_apart)
    topics = [sample.topic for sample, records in zip(samples, fit.records, strict=True) if records]
    return template_of(topics, agency=agency, known=fit.format.example.template, names_thing=not said)


def _with_announcements(template: str, samples: Sequence[Sample], fit: Fit) -> str | list[str]:
    """The forms of announcements that stand elsewhere come first."""
    forms = [template]
    for number in sorted(fit.announced):
        topic = samples[number].topic
        if all(Template(form).match(topic) is None for form in forms):
            first, *levels = topic.split("/")
            forms.insert(0, "/".join([first, *("+" for _ in levels)]))
    return forms if len(forms) > 1 else template


def _time(
    fit: Fit, values: Mapping[Path, Sequence[Any]], records: Sequence[Seen], samples: Sequence[Sample], zone: str | None
) -> times.Found | None:
    """Where the time is: the format says it in `@time`, or the values are looked through."""
    own = fit.format.time
    came = [samples[one.sample].received_at for one in records]
    if own is None or own.field != "@time":
        return times.find(values, came, zone)
    said = [one.said["@time"] for one in records if one.said.get("@time") is not None]
    if not said:
        return None
    found = times.find({("@time",): said}, came, zone)
    if found is None:
        return None
    declared = {key: value for key, value in found.declared.items() if key == "timezone"}
    guesses = [guess for guess in found.guesses if guess.path == "$.time.timezone"]
    guesses.insert(0, Guess("$.time", "@time", 0.95, f"{fit.format.title} says where the time is"))
    return found._replace(declared=declared, guesses=guesses)


def _interval(
    samples: Sequence[Sample], taken_apart: Sequence[Seen], found: times.Found | None
) -> tuple[float, float, str] | None:
    of_thing: dict[str, set[float]] = {}
    for one in taken_apart:
        moment = _seconds(one, found)
        if moment is None and samples[one.sample].received_at is not None:
            moment = (samples[one.sample].received_at or 0) / 1e6
        if moment is not None:
            thing = f"{samples[one.sample].topic} {one.said.get('@thing', '')}"
            of_thing.setdefault(thing, set()).add(moment)
    return numbers.interval([sorted(one) for one in of_thing.values()])


def _seconds(one: Seen, found: times.Found | None) -> float | None:
    if found is None:
        return None
    said = one.said.get("@time") if found.path == ("@time",) else one.values.get(found.path)
    read = times.find({found.path: [said]}, [], None) if said else None
    return read.seconds if read else None


def _place(values: Mapping[Path, Sequence[Any]], payload: dict[str, Any], guesses: list[Guess]) -> set[Path]:
    used: set[Path] = set()
    pair: dict[str, Path] = {}
    for path in values:
        last = str(path[-1])
        if _LATITUDE.match(last) and all(number_of(v) is not None for v in values[path]):
            pair["latitude"] = path
        elif _LONGITUDE.match(last) and all(number_of(v) is not None for v in values[path]):
            pair["longitude"] = path
        elif _ZONE.match(last) and all(isinstance(v, str) for v in values[path]):
            payload["zone"] = _key(path)
            guesses.append(Guess("$.payload.zone", _key(path), 0.7, "named like a district"))
            used.add(path)
    if len(pair) == 2:
        for what, path in pair.items():
            payload[what] = _key(path)
            guesses.append(Guess(f"$.payload.{what}", _key(path), 0.9, "named like a coordinate"))
            used.add(path)
    return used


def _labels(records: Sequence[Seen], values: Mapping[Path, Sequence[Any]], used: set[Path]) -> list[Path]:
    """Text that differs between the records of one message, and is in each of them."""
    labels = []
    for path, found in values.items():
        texts = all(isinstance(value, str) and number_of(value) is None for value in found)
        if path in used or not found or not texts or len(found) != len(records):
            continue
        of_sample: dict[int, list[str]] = {}
        for record in records:
            of_sample.setdefault(record.sample, []).append(record.values[path])
        if any(len(set(one)) > 1 for one in of_sample.values()) and not _UNIT.match(str(path[-1])):
            labels.append(path)
    return labels


def _properties(
    values: Mapping[Path, Sequence[Any]],
    used: set[Path],
    records: Sequence[Seen],
    guesses: list[Guess],
    labels: Sequence[Path],
) -> tuple[list[dict[str, Any]], list[Path]]:
    properties: list[dict[str, Any]] = []
    ignored: list[Path] = []
    taken: set[str] = set()
    units = {path: str(found[0]) for path, found in values.items() if found and _UNIT.match(str(path[-1]))}
    for path, found in values.items():
        if path in used:
            continue
        at = f"$.properties[{len(properties)}]"
        made = (
            None
            if path in units or _COUNTERS.search(str(path[-1]))
            else _property(path, found, records, units, at, guesses)
        )
        if made is None:
            ignored.append(path)
            continue
        made["name"] = _unique(made["name"], path, taken)
        if labels:
            made["datastream"] = "/".join([made["name"], *("{" + str(label[-1]) + "}" for label in labels)])
        properties.append(made)
    return properties, ignored


def _unique(name: str, path: Path, taken: set[str]) -> str:
    if name in taken:
        name = shown(path)
    while name in taken:
        name += "'"
    taken.add(name)
    return name


def _property(
    path: Path,
    found: Sequence[Any],
    records: Sequence[Seen],
    units: Mapping[Path, str],
    at: str,
    guesses: list[Guess],
) -> dict[str, Any] | None:
    made: dict[str, Any] = {"name": shown(path).strip() or "value", "field": _key(path)}
    if not found:
        return _of_null(made, path, at, guesses)
    if all(isinstance(value, bool) for value in found):
        guesses.append(Guess(f"{at}.boolean", True, 0.9, "only true and false"))
        return {**made, "unit": "1", "boolean": True}
    if all(isinstance(value, str) and value.lower() in _STATES for value in found):
        words = {value: _STATES[value.lower()] for value in found}
        guesses.append(Guess(f"{at}.categories", words, 0.7, "words of a state; add those that are missing"))
        return {**made, "unit": "1", "categories": words}
    floats = [number for number in (number_of(value) for value in found) if number is not None]
    if len(floats) < len(found):
        return None
    sibling = _sibling(path, units)
    told = _said_unit(path, records)
    known = quantities.recognise(
        path, [f for f in floats if f not in numbers.SENTINELS] or floats, told or _ucum(sibling)
    )
    if known.quantity is None and len(set(found)) == 1 and isinstance(found[0], str):
        return None  # text that never changes and looks like a number: a version, a code
    if known.quantity:
        made["name"] = known.quantity.name
        guesses.append(Guess(f"{at}.name", made["name"], known.confidence, known.why))
        unit = next(iter(known.quantity.units))
        limits = known.quantity.fail
    else:
        unit = known.payload_unit
        limits = None
    made["unit"] = unit
    if known.payload_unit != unit:
        made["payload_unit"] = known.payload_unit
    guesses.append(Guess(f"{at}.unit", known.payload_unit, round(known.unit_confidence, 2), known.unit_why))
    same_unit = known.payload_unit == unit
    for number, sure, why in numbers.sentinels(floats, limits if same_unit else None):
        made.setdefault("sentinels", []).append(number)
        guesses.append(Guess(f"{at}.sentinels", number, sure, why))
    if limits and known.quantity:
        made["fail"] = list(limits)
        guesses.append(Guess(f"{at}.fail", made["fail"], 0.8, f"what is possible for {known.quantity.name}"))
        if known.quantity.suspect:
            made["suspect"] = list(known.quantity.suspect)
            guesses.append(Guess(f"{at}.suspect", made["suspect"], 0.7, f"what is usual for {known.quantity.name}"))
    elif seen_range := numbers.usual([f for f in floats if f not in made.get("sentinels", ())]):
        made["suspect"] = list(seen_range)
        guesses.append(Guess(f"{at}.suspect", made["suspect"], 0.3, f"around the {len(floats)} values that were seen"))
    return made


def _of_null(made: dict[str, Any], path: Path, at: str, guesses: list[Guess]) -> dict[str, Any] | None:
    """A value that was always missing is one if its name says so."""
    known = quantities.recognise(path, [])
    if known.quantity is None:
        return None
    guesses.append(
        Guess(f"{at}.name", known.quantity.name, known.confidence / 2, f"{known.why}; it was always missing")
    )
    unit = next(iter(known.quantity.units))
    guesses.append(Guess(f"{at}.unit", unit, 0.2, "the usual one; no value was seen"))
    return {**made, "name": known.quantity.name, "unit": unit, "fail": list(known.quantity.fail)}


def _said_unit(path: Path, records: Sequence[Seen]) -> str | None:
    """The unit that the format found beside the value."""
    key = "@unit:" + "/".join(map(str, path))
    return next((str(one.said[key]) for one in records if one.said.get(key)), None)


def _sibling(path: Path, units: Mapping[Path, str]) -> str | None:
    """The text of a unit key that belongs to a value: `TempUnit` beside Temperature, `unit` beside value."""
    last = re.sub(r"[^a-z]", "", str(path[-1]).lower())
    for other, text in units.items():
        stem = re.sub(r"[^a-z]", "", str(other[-1]).lower().replace("unit", "").replace("uom", ""))
        if other[:-1] == path[: len(other) - 1] and (not stem or last.startswith(stem)):
            return text
    return None


def _ucum(text: str | None) -> str | None:
    if text is None:
        return None
    from sensors.units import alias

    return alias(text)


def _is_value(path: Path, properties: Sequence[Mapping[str, Any]]) -> bool:
    return any(made["field"] == _key(path) and "categories" not in made for made in properties)


def _key(path: Path) -> Any:
    return path[0] if len(path) == 1 else list(path)


def _different(records: Sequence[Seen]) -> list[int]:
    """The first sample of each form of record, at most so many."""
    forms: dict[frozenset[Path], int] = {}
    for one in records:
        forms.setdefault(frozenset(one.values), one.sample)
    return sorted(set(forms.values()))[:_EXAMPLES]


def _example(number: int, samples: Sequence[Sample], fit: Fit, now: int) -> dict[str, Any]:
    sample = samples[number]
    came = datetime.fromtimestamp((sample.received_at or now) // 1_000_000, UTC)
    made = {**_sent(sample), "received_at": came.isoformat().replace("+00:00", "Z")}
    if before := [_sent(samples[i]) for i in sorted(fit.announced) if i < number]:
        made["before"] = before
    return made


def _sent(sample: Sample) -> dict[str, Any]:
    try:
        return {"topic": sample.topic, "payload": sample.payload.decode()}
    except UnicodeDecodeError:
        return {"topic": sample.topic, "payload_hex": sample.payload.hex()}
