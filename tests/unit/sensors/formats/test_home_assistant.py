"""Discovery, and the states that it announces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from sensors.format import Record
from sensors.formats.home_assistant import FORMAT
from sensors.payload import Refused
from tests.unit.sensors.formats.decoding import Through

BATTERY = "homeassistant/sensor/0xd0/battery/config"
DEVICE = {"identifiers": ["0xd0"], "name": "Remote"}
STATE = "zigbee2mqtt/remote"


class Home(Through):
    """A decoder that discovery messages and states go through."""

    def __init__(self, **options: Any) -> None:
        super().__init__(FORMAT, options)

    def announce(self, topic: str = BATTERY, **config: Any) -> Sequence[Record]:
        return self(json.dumps(config), topic)

    def state(self, content: Any, topic: str = STATE) -> Sequence[Record]:
        return self(content if isinstance(content, str) else json.dumps(content), topic)


def announced(**config: Any) -> Home:
    """A home with the battery of a remote, in full words unless `config` says otherwise."""
    home = Home()
    told = home.announce(
        **{
            "state_topic": STATE,
            "value_template": "{{ value_json.battery }}",
            "device_class": "battery",
            "unit_of_measurement": "%",
            "device": DEVICE,
            **config,
        }
    )
    assert not told
    assert home.session.kept == [BATTERY]
    return home


def test_a_state_is_read_as_it_was_announced() -> None:
    assert announced().state({"battery": 87, "linkquality": 1}) == [
        {"@thing": "0xd0", "battery": 87, "@unit:battery": "%"}
    ]


def test_abbreviations_and_the_base_topic_say_the_same() -> None:
    home = Home()
    home.announce(
        **{
            "~": "zigbee2mqtt",
            "stat_t": "~/remote",
            "val_tpl": "{{ value_json.battery }}",
            "dev_cla": "battery",
            "unit_of_meas": "%",
            "dev": {"ids": "0xd0"},
            "avty_t": "availability/~",
            "avty": [{"t": "~/bridge"}, 7],
        }
    )
    assert home.state({"battery": 87}) == [{"@thing": "0xd0", "battery": 87, "@unit:battery": "%"}]
    for topic in ("availability/zigbee2mqtt", "zigbee2mqtt/bridge"):
        assert home.state("online", topic) == ()


def test_a_state_before_its_discovery_is_not_announced() -> None:
    home = Home()
    with pytest.raises(Refused) as refused:
        home.state({"battery": 87})
    assert refused.value.reason == "not_announced"
    assert STATE in refused.value.detail


@pytest.mark.parametrize("payload", ["", "  "])
def test_an_empty_discovery_message_forgets_and_is_kept(payload: str) -> None:
    home = announced()
    assert home(payload, BATTERY) == ()
    assert home.session.kept == [BATTERY, BATTERY]
    with pytest.raises(Refused, match="no discovery"):
        home.state({"battery": 87})


def test_a_changed_discovery_takes_the_place_of_the_old_one() -> None:
    home = announced()
    home.announce(state_topic="other", device_class="battery")
    assert home.state("87", "other") == [{"battery": "87"}]
    with pytest.raises(Refused, match="no discovery"):
        home.state({"battery": 87})


def test_a_topic_lives_as_long_as_one_discovery_message_names_it() -> None:
    home = announced()
    other = "homeassistant/sensor/0xd0/humidity/config"
    home.announce(other, state_topic=STATE, value_template="{{ value_json.humidity }}", device=DEVICE)
    assert home.state({"battery": 1, "humidity": 2})[0]["humidity"] == 2
    home("", BATTERY)
    assert home.state({"battery": 1, "humidity": 2}) == [{"@thing": "0xd0", "humidity": 2}]


def test_a_discovery_message_that_cannot_be_read_leaves_the_old_one() -> None:
    home = announced()
    for payload in ("{", "[]"):
        with pytest.raises(Refused):
            home(payload, BATTERY)
    assert home.state({"battery": 87})


@pytest.mark.parametrize(
    ("topic", "config", "key"),
    [
        (BATTERY, {"device_class": "voltage"}, "voltage"),
        (BATTERY, {"device_class": None}, "battery"),
        ("homeassistant/sensor/pm10/config", {}, "pm10"),
        ("homeassistant/sensor/@thing/config", {}, "thing"),
    ],
)
def test_a_value_is_called_by_its_class_or_its_object_id(topic: str, config: dict[str, Any], key: str) -> None:
    home = Home()
    home.announce(topic, state_topic=STATE, **config)
    assert home.state("7") == [{key: "7"}]


def test_two_values_of_a_class_are_told_and_have_object_ids() -> None:
    topics = ("homeassistant/sensor/x/inside/config", "homeassistant/sensor/x/outside/config")
    for options in ({}, {"key": "object_id"}):
        for order in (topics, topics[::-1]):
            home = Home(**options)
            for topic in order:
                name = topic.split("/")[3]
                template = f"{{{{ value_json.{name} }}}}"
                home.announce(topic, state_topic=STATE, device_class="temperature", value_template=template)
            records = home.state({"inside": 1, "outside": 2})
            if options:
                assert records == [{"inside": 1, "outside": 2}]
            else:
                assert records[0] == {"temperature": 1}, "the same one, whichever was announced first"
                assert 'key = "object_id"' in records[1]["@fault"]


@pytest.mark.parametrize(
    ("device", "thing", "by_name"),
    [
        ({"identifiers": ["a", "b"], "name": "n"}, "a", "n"),
        ({"ids": "a", "name": "n"}, "a", "n"),
        ({"identifiers": ["a"]}, "a", "a"),
        ({"cns": [["mac", "00:11"]], "name": "n"}, "00:11", "n"),
        ({"name": "n"}, "n", "n"),
        ({"identifiers": [], "connections": [7]}, None, None),
        ({"identifiers": [7]}, None, None),
        (7, None, None),
        (None, None, None),
    ],
)
def test_the_device_is_the_thing(device: object, thing: str | None, by_name: str | None) -> None:
    for options, name in (({}, thing), ({"thing": "name"}, by_name)):
        home = Home(**options)
        home.announce(state_topic=STATE, device=device)
        assert home.state("7")[0].get("@thing") == name


def test_devices_that_share_a_topic_have_a_record_each() -> None:
    home = Home()
    for name in ("a", "b"):
        topic = f"homeassistant/sensor/{name}/t/config"
        home.announce(topic, state_topic=STATE, value_template=f"{{{{ value_json.{name} }}}}", device={"name": name})
    assert home.state({"a": 1, "b": 2}) == [{"t": 1, "@thing": "a"}, {"t": 2, "@thing": "b"}]
    assert home.state({"b": 2}) == [{"t": 2, "@thing": "b"}]


def test_a_state_that_holds_nothing_announced_tells_nothing() -> None:
    assert announced().state({"linkquality": 1}) == []


@pytest.mark.parametrize("word", ["unavailable", "unknown", "None"])
def test_words_for_no_value(word: str) -> None:
    assert announced(value_template=None).state(word)[0]["battery"] is None
    assert announced().state({"battery": word})[0]["battery"] is None
    assert announced().state({"battery": None})[0]["battery"] is None


@pytest.mark.parametrize(
    ("config", "state", "value"),
    [
        ({}, "ON", True),
        ({}, "OFF", False),
        ({}, "open", "open"),
        ({"payload_on": "open", "pl_off": "shut"}, "shut", False),
        ({"payload_on": True, "payload_off": False, "value_template": "{{ value_json.x }}"}, '{"x":true}', True),
        ({"payload_on": False, "payload_off": True, "value_template": "{{ value_json.x }}"}, '{"x":true}', False),
        ({"pl_on": 1, "pl_off": 0, "value_template": "{{ value_json.x }}"}, '{"x":0}', False),
        ({"payload_on": [[]], "payload_off": {}}, "ON", "ON"),
    ],
)
def test_two_states_in_the_words_of_the_device(config: dict[str, Any], state: str, value: object) -> None:
    home = Home()
    home.announce("homeassistant/binary_sensor/door/config", state_topic=STATE, **config)
    assert home.state(state)[0]["door"] is value or home.state(state)[0]["door"] == value


def test_one_message_announces_a_whole_device() -> None:
    home = Home()
    components = {
        "t": {"p": "sensor", "dev_cla": "temperature", "val_tpl": "{{ value_json.t }}", "unit_of_meas": "°C"},
        "door": {"p": "binary_sensor", "stat_t": "~/door"},
        "gone": {"p": "sensor"},
        "lamp": {"p": "light", "stat_t": "~/lamp", "cmd_t": "~/set"},
        "broken": 7,
    }
    topic = "homeassistant/device/0xd0/config"
    home.announce(topic, **{"~": "z", "dev": DEVICE, "o": {"name": "z"}, "cmps": components, "stat_t": "~/state"})
    assert home.state({"t": 21.5}, "z/state") == [{"@thing": "0xd0", "temperature": 21.5, "@unit:temperature": "°C"}]
    assert home.state("ON", "z/door") == [{"@thing": "0xd0", "door": True}]
    for silent in ("z/lamp", "z/set"):
        assert home.state("x", silent) == ()
    home.announce(topic, **{"~": "z", "dev": DEVICE, "cmps": {"t": {"p": "sensor"}}, "stat_t": "~/state"})
    with pytest.raises(Refused, match="no discovery"):
        home.state({"t": 21.5}, "z/state")


def test_components_that_are_not_read_are_known() -> None:
    home = Home()
    assert home.announce("homeassistant/light/lamp/config", state_topic=STATE, command_topic="set") == ()
    assert home.state("ON") == ()
    assert Home(components=("light",)).announce("homeassistant/light/lamp/config", state_topic=STATE) == ()


def test_a_template_outside_of_what_is_read_is_told_at_once_and_with_each_state() -> None:
    home = Home()
    with pytest.raises(Refused, match=r"value_json, a number or a text, got 'states'") as refused:
        home.announce(state_topic=STATE, value_template="{{ states('sensor.x') }}")
    assert refused.value.reason == "invalid_payload"
    assert home.session.kept == [BATTERY], "it is an announcement all the same"
    with pytest.raises(Refused, match="value_template"):
        home.state("7")


def test_a_template_outside_of_what_is_read_costs_its_value_only() -> None:
    home = Home()
    components = {"a": {"p": "sensor", "val_tpl": "{{ value_json.a }}"}, "b": {"p": "sensor", "val_tpl": "{{ now() }}"}}
    (fault,) = home.announce("homeassistant/device/x/config", stat_t=STATE, cmps=components)
    assert "sensor b" in fault["@fault"]
    record, fault = home.state({"a": 1})
    assert record == {"a": 1}
    assert fault["@fault"].startswith("b: ")


def test_a_value_that_its_template_cannot_read_is_told() -> None:
    home = announced(value_template="{{ value_json.battery | float }}")
    with pytest.raises(Refused, match="'full'") as refused:
        home.state({"battery": "full"})
    assert refused.value.reason == "invalid_payload"


def test_a_state_that_is_no_json_where_a_template_needs_it() -> None:
    assert announced().state("87") == []
    assert announced(value_template="{{ value }}").state("87")[0]["battery"] == "87"
    with pytest.raises(Refused) as refused:
        announced().state("{")
    assert refused.value.reason == "invalid_json"


def test_the_prefix_is_of_the_options() -> None:
    home = Home(prefix="ha/discovery/")
    home.announce("ha/discovery/sensor/x/config", state_topic=STATE)
    assert home.state("7") == [{"x": "7"}]
    assert home.state("online", "ha/discovery/status") == ()
    with pytest.raises(Refused):
        home.announce("homeassistant/sensor/y/config", state_topic="other")


def test_states_may_stand_below_the_prefix() -> None:
    home = Home()
    home.announce("homeassistant/sensor/x/config", state_topic="homeassistant/sensor/x/state")
    assert home.state("7", "homeassistant/sensor/x/state") == [{"x": "7"}]


@pytest.mark.parametrize(
    ("topic", "config"),
    [
        (BATTERY, {}),
        (BATTERY, {"state_topic": 7}),
        (BATTERY, {"state_topic": ""}),
        (BATTERY, {"state_topic": STATE, "value_template": [[7]]}),
        ("homeassistant/device/x/config", {}),
        ("homeassistant/device/x/config", {"cmps": []}),
        ("homeassistant/device/x/config", {"cmps": {"a": {"p": "sensor", "name": "a"}}}),
    ],
)
def test_discovery_that_announces_nothing_is_refused(topic: str, config: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        Home().announce(topic, **config)
    assert refused.value.reason == "invalid_payload"


def test_moving_to_another_discovery_message_changes_nothing_yet() -> None:
    home = announced()
    assert home.announce(migrate_discovery=True) == ()
    assert home.state({"battery": 87})


def test_content_of_any_depth_ends() -> None:
    deep = "[" * 900 + "]" * 900
    home = Home()
    for key in ("state_topic", "payload_on", "value_template", "availability", "device", "~"):
        with pytest.raises(Refused):
            home(f'{{"{key}":{deep}}}', "homeassistant/binary_sensor/x/config")
