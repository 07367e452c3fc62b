"""Home Assistant's MQTT discovery: devices announce their values and where they stand, as zigbee2mqtt and ESPHome do.

A type declares the discovery topics (`homeassistant/#`) and those of the states (`zigbee2mqtt/{thing}`). A discovery message
tells nothing to store; it says which states follow on which topic, by which template each value is read from them, and in
what unit. It is kept, and an empty one forgets. A state whose discovery has not come is refused, so that it can be sent
again from the log. The options are those of the type that declares the discovery topics; other types of this format may
declare state topics alone.

A value's key is its device class, or its object id where it has none; its Thing is the device. There is no time: a state is
of when it came. Templates are of `sensors.value_template`; what else Jinja can do is told when it is announced, and with
each state that needs it. Source: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery, as of 2026.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, Raw, Record, Session
from sensors.payload import Refused, kind, read_json, read_text
from sensors.value_template import ABSENT, OutsideOfTemplates, Template, compile_template

_FULL = {
    "avty": "availability",
    "avty_t": "availability_topic",
    "cmps": "components",
    "cns": "connections",
    "dev": "device",
    "dev_cla": "device_class",
    "ids": "identifiers",
    "p": "platform",
    "pl_off": "payload_off",
    "pl_on": "payload_on",
    "stat_off": "state_off",
    "stat_on": "state_on",
    "stat_t": "state_topic",
    "t": "topic",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
}
"""The abbreviations of the keys that are read here."""
_SWITCHES = ("binary_sensor", "switch", "input_boolean")
"""Components with two states, which the device may write in its own words."""
_TOPICS = ("topic", "_t")
"""How keys of topics end, abbreviated or not."""
_NO_VALUE = ("unavailable", "unknown", "None", "")
_TOLD = 5


class HomeAssistantOptions(BaseModel):
    """Where discovery stands and what becomes of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefix: str = Field("homeassistant", min_length=1, description="discovery prefix of the installation")
    components: tuple[str, ...] = Field(
        ("sensor", "binary_sensor"), description="whose states are read; those of others are known and not stored"
    )
    key: Literal["device_class", "object_id"] = Field("device_class", description="what a value is called")
    thing: Literal["identifiers", "name"] = Field("identifiers", description="what of the device names the Thing")


class _Entity(NamedTuple):
    """One value of a device."""

    key: str
    thing: str | None
    topic: str
    unit: str | None
    template: Template | None  # None: the payload is the value, unless there is a problem
    problem: str | None  # why its template is none
    words: Mapping[str, bool]  # how its two states are written; empty: it has others

    def read(self, text: str, content: Any) -> Any:
        value = text if self.template is None else self.template(text, content)
        if isinstance(value, str) and value in _NO_VALUE:
            return None
        if self.words and isinstance(value, str | bool | int):
            return self.words.get(str(value), value)
        return value


class _Home:
    """All that was announced."""

    def __init__(self) -> None:
        self.announced: dict[str, dict[str, tuple[_Entity, ...]]] = {}  # discovery topic → topic → entities
        self.sources: dict[str, set[str]] = {}  # topic → discovery topics that name it
        self.entities: dict[str, tuple[_Entity, ...]] = {}  # topic → entities, in the order of their discovery topics

    def announce(self, source: str, entities: Iterable[_Entity], silent: Iterable[str]) -> None:
        """Takes in what a discovery message says; topics in `silent` are known and tell no value."""
        by_topic: dict[str, tuple[_Entity, ...]] = dict.fromkeys(silent, ())
        for entity in entities:
            by_topic[entity.topic] = (*by_topic.get(entity.topic, ()), entity)
        before = self.announced.pop(source, {})
        if by_topic:
            self.announced[source] = by_topic
        for topic in before.keys() - by_topic.keys():
            self.sources[topic].discard(source)
        for topic in by_topic:
            self.sources.setdefault(topic, set()).add(source)
        for topic in before.keys() | by_topic.keys():
            sources = sorted(self.sources[topic])
            if sources:
                self.entities[topic] = tuple(entity for one in sources for entity in self.announced[one][topic])
            else:
                del self.sources[topic], self.entities[topic]


class HomeAssistant:
    """A record for each device of a state's topic."""

    name = "home-assistant"
    title = "Home Assistant MQTT discovery"
    Options = HomeAssistantOptions
    time = Time(field="@time", default="received")
    numeric_text = True
    example = FormatExample(
        template="zigbee2mqtt/{thing}",
        topic="zigbee2mqtt/on_off_remote",
        payload=b'{"battery":87,"linkquality":120,"action":null}',
        records=({"@thing": "zigbee2mqtt_0xd0cf5efffeda1b65", "battery": 87, "@unit:battery": "%"},),
        before=(
            (
                "homeassistant/sensor/0xd0cf5efffeda1b65/battery/config",
                b'{"unit_of_measurement":"%","device_class":"battery","value_template":"{{ value_json.battery }}",'
                b'"state_topic":"zigbee2mqtt/on_off_remote","unique_id":"0xd0cf5efffeda1b65_battery_zigbee",'
                b'"availability_topic":"zigbee2mqtt/on_off_remote/availability",'
                b'"device":{"identifiers":["zigbee2mqtt_0xd0cf5efffeda1b65"]}}',
            ),
        ),
    )

    def decoder(self, options: HomeAssistantOptions) -> Decode:
        """See the module."""
        prefix = options.prefix.rstrip("/") + "/"

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            home: _Home = session.memory.setdefault("home", _Home())
            if raw.topic.startswith(prefix):
                levels = raw.topic[len(prefix) :].split("/")
                if levels[-1] == "config" and len(levels) in (3, 4):
                    return _announcement(raw, levels, options, home, session)
                if levels == ["status"]:
                    return ()
            entities = home.entities.get(raw.topic)
            if entities is None:
                raise Refused(RejectReason.NOT_ANNOUNCED, f"no discovery message has named {raw.topic[:100]!r}")
            return _state(raw, entities) if entities else ()

        return decode


# ---------------------------------------------------------------- discovery


def _announcement(
    raw: Raw, levels: Sequence[str], options: HomeAssistantOptions, home: _Home, session: Session
) -> Sequence[Record]:
    if not raw.payload.strip():
        home.announce(raw.topic, (), ())
        session.keep(raw.topic)
        return ()
    content = read_json(raw.payload)
    if not isinstance(content, dict):
        raise Refused(RejectReason.WRONG_SHAPE, f"expected an object, got {kind(content)}")
    if content == {"migrate_discovery": True}:  # that another discovery message takes the place of this one
        return ()
    entities: list[_Entity] = []
    silent: set[str] = set()
    problems: list[str] = []
    for component, object_id, config in _configs(content, levels):
        silent.update(_named(config))
        if component not in options.components:
            continue
        try:
            entity = _entity(component, object_id, config, options)
        except ValueError as error:
            problems.append(f"{component} {object_id}: {error}")
            continue
        if entity.problem:
            problems.append(f"{component} {object_id}: {entity.problem}")
        entities.append(entity)
    home.announce(raw.topic, entities, silent)
    session.keep(raw.topic)
    if problems and all(entity.problem for entity in entities):
        raise Refused(RejectReason.INVALID_PAYLOAD, _told(problems))
    return [{"@fault": _told(problems)}] if problems else ()


def _told(faults: Sequence[str]) -> str:
    more = f"; {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
    return "; ".join(faults[:_TOLD]) + more


def _configs(content: Mapping[str, Any], levels: Sequence[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(component, object id, its config with full keys and whole topics) of each that is announced."""
    config = _full(content)
    if levels[0] != "device":
        yield levels[0], levels[-2], config
        return
    components = config.pop("components", None)
    if not isinstance(components, dict):
        raise Refused(RejectReason.INVALID_PAYLOAD, f"expected an object of components, got {kind(components)}")
    for object_id, component in components.items():
        own = _full(component, config.get("~")) if isinstance(component, dict) else {}
        platform = own.get("platform")
        if own.keys() - {"platform", "~"} and isinstance(platform, str):  # nothing but its platform: it was removed
            yield platform, object_id, {**config, **own}


def _full(content: Mapping[str, Any], base: Any = None) -> dict[str, Any]:
    """With full keys, and `~` in topics replaced by the base topic."""
    config = {_FULL.get(key, key): value for key, value in content.items()}
    base = config.setdefault("~", base)
    if isinstance(base, str):
        for key, value in config.items():
            if isinstance(value, str) and key.endswith(_TOPICS):
                if value.startswith("~"):
                    value = base + value[1:]
                elif value.endswith("~"):
                    value = value[:-1] + base
                config[key] = value
    return config


def _named(config: Mapping[str, Any]) -> Iterator[str]:
    """All topics that a config names."""
    listed = config.get("availability")
    others = [_full(one, config["~"]) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    for one in (config, *others):
        for key, value in one.items():
            if isinstance(value, str) and value and key.endswith(_TOPICS):
                yield value


def _entity(component: str, object_id: str, config: Mapping[str, Any], options: HomeAssistantOptions) -> _Entity:
    """Raises `ValueError` where the config is none."""
    topic, template, unit = (config.get(key) for key in ("state_topic", "value_template", "unit_of_measurement"))
    if not isinstance(topic, str) or not topic:
        raise ValueError(f"expected a state_topic, got {kind(topic)}")
    key = config.get("device_class") if options.key == "device_class" else None
    compiled, problem = None, None
    if template is not None:
        try:
            compiled = compile_template(template if isinstance(template, str) else "")
        except OutsideOfTemplates as error:
            problem = f"value_template is outside of what is read: {error}"
    words: dict[str, bool] = {}
    if component in _SWITCHES:
        for name, default, state in (("off", "OFF", False), ("on", "ON", True)):
            word = config.get(f"state_{name}", config.get(f"payload_{name}", default))
            if isinstance(word, str | bool | int):
                words[str(word)] = state
    return _Entity(
        key=key if isinstance(key, str) and key and key[0] != "@" else object_id.lstrip("@") or "value",
        thing=_thing(config.get("device"), options),
        topic=topic,
        unit=unit if isinstance(unit, str) and unit else None,
        template=compiled,
        problem=problem,
        words=words,
    )


def _thing(device: Any, options: HomeAssistantOptions) -> str | None:
    """The name of the Thing: the first identifier, connection or name of its device."""
    if not isinstance(device, dict):
        return None
    own = {_FULL.get(key, key): value for key, value in device.items()}
    identifiers = own.get("identifiers")
    connections = own.get("connections")
    first = identifiers[:1] if isinstance(identifiers, list) else [identifiers]
    if isinstance(connections, list):
        first += [one[1] for one in connections[:1] if isinstance(one, list) and len(one) == 2]
    names = [own.get("name"), *first] if options.thing == "name" else [*first, own.get("name")]
    return next((name for name in names if isinstance(name, str) and name), None)


# ---------------------------------------------------------------- states


def _state(raw: Raw, entities: Sequence[_Entity]) -> Sequence[Record]:
    text = read_text(raw.payload)
    if not text.strip():
        raise Refused(RejectReason.INVALID_PAYLOAD, "expected a state, got an empty payload")
    content = read_json(raw.payload) if any(one.template and one.template.reads_json for one in entities) else None
    records: dict[str | None, Record] = {}
    faults: list[str] = []
    for entity in entities:
        record = records.setdefault(entity.thing, {})
        if entity.problem:
            faults.append(f"{entity.key}: {entity.problem}")
            continue
        try:
            value = entity.read(text, content)
        except ValueError as error:
            faults.append(f"{entity.key}: {error}")
            continue
        if value is ABSENT:
            continue
        if entity.key in record:
            faults.append(f'{entity.key} stands twice; the type may say key = "object_id"')
            continue
        record[entity.key] = value
        if entity.unit:
            record[f"@unit:{entity.key}"] = entity.unit
    told = [{**record, "@thing": thing} if thing else record for thing, record in records.items() if record]
    if faults:
        if not told:
            raise Refused(RejectReason.INVALID_PAYLOAD, _told(faults))
        told.append({"@fault": _told(faults)})
    return told


FORMAT = HomeAssistant()
