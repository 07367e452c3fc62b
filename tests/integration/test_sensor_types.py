"""What the first example of each sensor type says arrives in the table, from the broker on."""

from __future__ import annotations

from sensors.compile import compile_type
from sensors.registry import load
from simulation.publisher import Publisher
from tests.installation import Installation

RECEIVED = 1_800_000_000_000_000


def test_each_device_arrives_as_its_example_says(installation: Installation) -> None:
    installation.start("ingest", "ingest")
    installation.start("store", "worker", "--role", "store")
    installation.ready("ingest")
    wanted: list[tuple[object, ...]] = []
    with Publisher(installation.settings) as publisher:
        for declared in load().values():
            compiled, example = compile_type(declared), declared.examples[0]
            publisher.publish(example.topic, example.raw())
            fields = compiled.matches(example.topic)
            assert fields is not None
            told = compiled.decode(fields, example.raw(), RECEIVED, topic=example.topic).observations
            assert len(told) >= len(example.observations) > 0
            wanted += [
                (f"{declared.name}@{declared.version}", one.agency, one.thing, one.datastream_name, one.unit,
                 one.result, int(one.quality), one.raw_flag)
                for one in told
            ]  # fmt: skip
    installation.settle(len(wanted))
    found = installation.rows(
        "select sensor_type || '@' || sensor_version, agency, thing, name, unit, result, quality, raw_flag"
        " from observations"
    )
    assert sorted(found, key=repr) == sorted(wanted, key=repr)
