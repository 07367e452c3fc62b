"""Whatever is published ends as an observation or among the rejects with its reason, and the good ones arrive."""

from __future__ import annotations

import json
import time
from typing import Any

from simulation.publisher import Publisher
from tests.installation import Installation, aedilis

TOPIC = "city/demo/Dongsi/air"


def air(**values: Any) -> bytes:
    return json.dumps({"time": "2014-01-01T00:00:00", **values}).encode()


BAD: dict[str, tuple[str, bytes, str]] = {
    "truncated": (TOPIC, air(PM10=5)[:-4], "invalid_json"),
    "empty": (TOPIC, b"", "invalid_json"),
    "nested too deep": (TOPIC, b'{"a":' * 20_000, "invalid_json"),
    "a list": (TOPIC, b"[1,2]", "wrong_shape"),
    "not UTF-8": (TOPIC, b'{"time":"2014-01-01T00:00:00","PM10":"\xff\xfe"}', "invalid_utf8"),
    "no time": (TOPIC, b'{"PM10":5}', "no_time"),
    "no such time": (TOPIC, air(time="yesterday"), "no_time"),
    "time of another kind": (TOPIC, air(time=5), "no_time"),
    "far future": (TOPIC, air(time="2999-01-01T00:00:00", PM10=5), "time_out_of_range"),
    "before 1970": (TOPIC, air(time="1901-01-01T00:00:00", PM10=5), "time_out_of_range"),
    "one megabyte": (TOPIC, b" " * 1_000_000 + air(PM10=5), "too_large"),
    "unknown topic": ("nobody/declared/this", b"1", "unknown_topic"),
    "a name of bytes that are not UTF-8": ("city/demo/%ff/air", air(PM10=5), "invalid_utf8"),
    "an empty name": ("city/demo//air", air(PM10=5), "wrong_shape"),
    "no goods": ("city/demo/Dambulla/price", b'{"time":"2016-08-01","price":1,"trade":"Retail"}', "missing_field"),
}
"""What is refused whole."""
BAD_VALUES: dict[str, tuple[bytes, str]] = {
    "text": (air(PM10="12"), "not_a_number"),
    "a boolean": (air(PM10=True), "not_a_number"),
    "an object": (air(PM10={"value": 5}), "not_a_number"),
    "NaN": (b'{"time":"2014-01-01T00:00:00","PM10":NaN}', "not_a_number"),
    "infinite": (b'{"time":"2014-01-01T00:00:00","PM10":1e999}', "not_a_number"),
    "a long integer": (air(PM10=10**400), "not_a_number"),
    "an unknown word": (air(wd="UP"), "unknown_category"),
    "an unknown field": (air(PM11=5), "unknown_field"),
}
"""What costs one value; the others of its message arrive."""


def test_bad_input_ends_among_the_rejects_and_the_good_arrive(installation: Installation) -> None:
    installation.line()
    good = 0
    with Publisher(installation.settings) as publisher:
        for number, (topic, payload, _) in enumerate(BAD.values()):
            publisher.publish(topic, payload)
            publisher.publish(TOPIC, air(time=f"2014-01-02T{number:02d}:00:00", PM10=number, TEMP=1.5))
            good += 2
        for number, (payload, _) in enumerate(BAD_VALUES.values()):
            content = payload.replace(b"{", b'{"SO2":7,', 1).replace(
                b"2014-01-01T00", f"2014-01-03T{number:02d}".encode()
            )
            publisher.publish(TOPIC, content)
            good += 1
    installation.settle(good)
    wanted: dict[str, int] = {}
    for _, _, reason in BAD.values():
        wanted[reason] = wanted.get(reason, 0) + 1
    for _, reason in BAD_VALUES.values():
        wanted[reason] = wanted.get(reason, 0) + 1
    deadline = time.monotonic() + 20
    while (counts := counted(installation))["rejects"] != wanted or not counts["agree"]:
        assert time.monotonic() < deadline, f"{wanted} {counts['rejects']} {counts['agree']}"
        time.sleep(0.3)
    # the bytes are kept, cut, with their true size, the topic and where in them
    kept = installation.rows(
        "select p ->> 'reason', s.topic, s.payload, s.payload_size, p ->> 'detail', p ->> 'path'"
        " from reject_sample s join reject_group g on g.id = s.reject_group,"
        " lateral jsonb_array_elements(s.problems) p"
    )
    by_reason = {row[0]: row[1:] for row in kept}
    assert set(by_reason) == set(wanted)
    topic, payload, size, _, _ = by_reason["too_large"]
    assert topic.endswith(TOPIC)
    assert (len(payload), size) == (4096, len(BAD["one megabyte"][1]))
    assert {row[5] for row in kept if row[0] == "unknown_category"} == {"$.wd"}
    assert all(row[4] for row in kept), "every reject says why"


def counted(installation: Installation) -> Any:
    return json.loads(aedilis("counts", "--json", env=installation.env, check=False).stdout)
