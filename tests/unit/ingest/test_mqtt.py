"""Of several processes that share agencies, exactly one reads each topic, and it subscribes to it."""

import itertools

import paho.mqtt.client as paho
import pytest

from aedilis.errors import SettingError
from aedilis.settings import Settings
from ingest.mqtt import BulkClient, Message, Share
from tests.unit.sensors.declaring import compiled

TYPES = [
    compiled(name="air", topic="city/{agency}/{thing}/air"),
    compiled(name="odd", topic="odd/{thing}/{agency}/x"),
    compiled(name="fixed", topic="sensors/{thing}/data", thing={"agency": "south"}),
    compiled(name="slash", topic="slash/{thing}/data", thing={"agency": "a/b"}),
    compiled(name="tts", topic="v3/{app}@{tenant}/{thing}/up", thing={"agency": "{tenant}"}),
    compiled(name="both", topic=["both/{agency}/{thing}", "gone/{thing}/{agency}"]),
    compiled(name="over", topic="city/{x}/{thing}/fixed", thing={"agency": "south"}),
]
TOPICS = {
    "city/north/t/air": "north",
    "city/north/t/unheard": "north",
    "city/north": "north",
    "city/north/t/fixed": "south",
    "city/else/t/air": "else",
    "city/a%2Fb/t/air": "a%2Fb",
    "city/%6Eorth/t/air": "%6Eorth",
    "odd/t/south/x": "south",
    "sensors/t/data": "south",
    "sensors/t/else": None,
    "slash/t/data": "a%2Fb",
    "v3/app@north/t/up": "north",
    "v3/app@else/t/up": "else",
    "v3/north/t/up": None,
    "both/south/t": "south",
    "gone/t/north": "north",
    "elsewhere": None,
    "": None,
}
NAMED = ["north", "south", "a/b"]


def share(*agencies: str, prefix: str = "") -> Share:
    return Share(Settings(home="", agencies=agencies, mqtt_prefix=prefix), TYPES)


def reads(one: Share, topic: str) -> bool:
    """It is subscribed to, and held."""
    return any(paho.topic_matches_sub(name, topic) for name in one.filters()) and one.holds(topic)


@pytest.mark.parametrize("prefix", ["", "p/"])
@pytest.mark.parametrize(("topic", "agency"), TOPICS.items())
def test_each_topic_is_read_by_one(topic: str, agency: str | None, prefix: str) -> None:
    if not topic and not prefix:
        return  # no topic of MQTT
    shares = {name: share(name, prefix=prefix) for name in NAMED}
    rest = share(*(f"!{name}" for name in NAMED), prefix=prefix)
    expected = {"a%2Fb": "a/b"}.get(agency or "", agency)
    reading = [name for name, one in shares.items() if reads(one, prefix + topic)]
    assert reading == ([expected] if expected in NAMED else [])
    assert reads(rest, prefix + topic) == (expected not in NAMED)
    assert reads(share(prefix=prefix), prefix + topic), "with no agencies one reads all"


def test_several_names_are_one_share() -> None:
    both = share("south", "north")
    assert both.name == "south,north", "the broker keeps a session under it"
    assert [topic for topic in TOPICS if topic and reads(both, topic)] == [
        topic for topic, agency in TOPICS.items() if agency in ("north", "south")
    ]
    assert share("!north", "!south").name == "not-north,not-south"


def test_names_and_all_the_rest_do_not_mix() -> None:
    with pytest.raises(SettingError, match="AEDILIS_AGENCIES"):
        share("north", "!south")


@pytest.mark.parametrize(("qos", "retained"), itertools.product((0, 1), (False, True)))
def test_a_publish_tells_whether_the_broker_kept_it(qos: int, retained: bool) -> None:
    got: list[Message] = []
    client = BulkClient(
        lambda messages, size: got.extend(messages), callback_api_version=paho.CallbackAPIVersion.VERSION2
    )
    rest = b"\0\1t" + (b"\0\7" if qos else b"") + b"payload"
    client._buffer = bytes([0x30 | qos << 1 | retained, len(rest)]) + rest
    client._take_publishes()
    (message,) = got
    assert (message.topic, message.payload, message.qos, message.retained) == (b"t", b"payload", qos, retained)
