"""Of a group of rejects that come together the latest keep their bytes, whatever partition they are of."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from aedilis.vocabulary import Problem, Reject, RejectReason
from storage.rejects import SAMPLES, Fresh, Q, group_of, group_statements

MALFORMED = Problem(RejectReason.INVALID_JSON, "malformed", None)


def reject(received_at: int, payload: bytes = b"{", topic: str = "city/a/b/c", **more: Any) -> Reject:
    given: dict[str, Any] = {"problems": (MALFORMED,), "whole": True, "payload_size": len(payload), **more}
    return Reject(process="p", topic=topic, payload=payload, received_at=received_at, **given)


def test_the_latest_of_all_partitions_are_kept_and_all_are_counted() -> None:
    rejects: list[Fresh] = [(1, offset, reject(offset)) for offset in range(10, 20)]
    rejects += [(2, 0, reject(30)), (2, 1, reject(5))]
    group, *samples, trimmed = [values for _, values in group_statements(group_of(rejects[0][2]), rejects, 12, 100)]
    assert (group["count"], group["reason"], group["observations"]) == (12, "invalid_json", 0)
    assert group["first"] < group["last"]
    assert len(samples) == SAMPLES == trimmed["samples"]
    assert [(one["partition"], one["offset"]) for one in samples[-2:]] == [(1, 19), (2, 0)]
    assert (2, 1) not in {(one["partition"], one["offset"]) for one in samples}


def test_a_sample_keeps_the_beginning_of_its_bytes_and_says_how_long_they_were() -> None:
    long = reject(
        1, b"[" * 500, topic="city/a\0b", whole=False, problems=(msgspec.structs.replace(MALFORMED, count=3),) * 2
    )
    (_, group), (query, sample), _ = group_statements(group_of(long), [(0, 7, long)], 1, 100)
    assert query == Q["insert_sample"]
    assert (sample["payload"], sample["payload_size"]) == (b"[" * 100, 500)
    assert "\0" not in sample["topic"]
    assert group["observations"] == 6
    assert [one["count"] for one in json.loads(sample["problems"])] == [3, 3]


def test_alike_messages_of_one_reason_are_one_group() -> None:
    one, other = reject(1, b'{"a": 1}', "city/x/1"), reject(2, b'{"a": 2}', "city/x/1")
    assert group_of(one) == group_of(other)
    assert group_of(one).id != group_of(reject(1, b'{"b": 1}', "city/x/1")).id
