"""The sums tell what is lost from what is under way."""

from __future__ import annotations

from typing import Any

import pytest

from storage.counts import account


def process(state: str = "live", **changes: int) -> dict[str, Any]:
    row = dict.fromkeys(("messages", "messages_rejected", "published", "observations_rejected", "missing"), 0)
    return {"process": "ingest-all-1", "state": state, **row, "framed": 0, "frames": 0, "sent": 0, **changes}


def tables(rows: int, dead_frames: int = 0) -> dict[str, int]:
    known = {"observations": rows, "dropped": 0, "dead_frames": dead_frames, "dead_letters": dead_frames}
    return {**known, "standing": 1, "redriven": 0, "dropped_rejects": 0}


def partition(**changes: int) -> dict[str, Any]:
    row = dict.fromkeys(("observations", "inserted", "duplicates", "revisions", "refused", "missing"), 0)
    return {"partition": 0, "next_offset": 0, **row, **changes}


WELL = {"published": 10, "framed": 8, "observations_rejected": 2, "frames": 3, "sent": 3, "missing": 1}
STORED = {"observations": 8, "inserted": 5, "duplicates": 2, "revisions": 1, "missing": 1}
REJECTS = [{"process": "ingest-all-1", "reason": "not_a_number", "messages": 0, "partly": 1, "observations": 2}]


def failing(processes: list[Any], partitions: list[Any], rejects: list[Any], rows: int) -> list[str]:
    return [one.name for one in account(partitions, processes, rejects, tables(rows)).sums if not one.agree]


def test_all_agree() -> None:
    found = account([partition(**STORED)], [process("closed", **WELL)], REJECTS, tables(5))
    assert found.agree
    assert found.rejects == {"not_a_number": 2}


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"sent": 4}, "frames sent = frames stored + dead letters"),
        ({"framed": 9, "published": 11}, "framed = in frames stored"),
        ({"missing": 2}, "missing said = missing in frames"),
        ({"published": 11}, "published = in frames + rejected values"),
        ({"observations_rejected": 3, "published": 11}, "rejected = rejects stored"),
    ],
)
def test_what_is_lost_between_ingest_and_table_shows(changed: dict[str, int], name: str) -> None:
    assert failing([process("closed", **{**WELL, **changed})], [partition(**STORED)], REJECTS, 5) == [name]


@pytest.mark.parametrize(("key", "names"), [("inserted", 3), ("duplicates", 2), ("refused", 2)])
def test_what_the_database_lost_shows(key: str, names: int) -> None:
    stored = {**STORED, key: STORED.get(key, 0) + 1}
    assert len(failing([process("closed", **WELL)], [partition(**stored)], REJECTS, 5)) == names


@pytest.mark.parametrize(("state", "part"), [("live", "under_way"), ("killed", "not_acknowledged")])
def test_what_was_read_and_not_yet_sent_is_named(state: str, part: str) -> None:
    found = account([partition(**STORED)], [process(state, **{**WELL, "published": 14})], REJECTS, tables(5))
    assert found.agree
    assert found.sums[0].right[part] == 4


def test_each_rejected_message_stands_or_was_read_later_or_went() -> None:
    said, held = [process("closed", **WELL)], [partition(**STORED)]
    name = "messages rejected = standing + redriven + dropped"
    later = account(held, said, REJECTS, {**tables(5), "standing": 0, "redriven": 1})
    assert later.agree
    assert later.quarantine == {"standing": 0, "redriven": 1, "dropped": 0}
    assert account(held, said, REJECTS, {**tables(5), "standing": 0, "dropped_rejects": 1}).agree
    twice = account(held, said, REJECTS, {**tables(5), "redriven": 1})
    assert [one.name for one in twice.sums if not one.agree] == [name]


@pytest.mark.parametrize("stored", [0, 5])
def test_rejects_may_be_ahead_or_behind_while_a_process_lives(stored: int) -> None:
    rejects = [{**REJECTS[0], "observations": stored}]
    assert failing([process("live", **WELL)], [partition(**STORED)], rejects, 5) == []
    assert failing([process("closed", **WELL)], [partition(**STORED)], rejects, 5) == ["rejected = rejects stored"]


def test_a_process_may_not_have_framed_more_than_it_read() -> None:
    row = process("live", **{**WELL, "published": 9})
    assert failing([row], [partition(**STORED)], REJECTS, 5) == ["published = in frames + rejected values"]


def test_a_frame_that_nobody_can_store_is_a_dead_letter_and_no_loss() -> None:
    found = account([partition(**STORED)], [process("closed", **{**WELL, "sent": 4})], REJECTS, tables(5, 1))
    assert (found.agree, found.dead_letters) == (True, 1)


def test_what_retention_dropped_is_no_loss() -> None:
    dropped = {**tables(3), "dropped": 2}
    found = account([partition(**STORED)], [process("closed", **WELL)], REJECTS, dropped)
    assert (found.agree, found.dropped) == (True, 2)
    assert not account([partition(**STORED)], [process("closed", **WELL)], REJECTS, tables(3)).agree


def test_what_was_deleted_before_it_was_read_is_an_error() -> None:
    found = account([partition(**STORED)], [process("closed", **WELL)], REJECTS, tables(5), {"detect": 7})
    assert not found.agree
    assert found.lost == {"detect": 7}
