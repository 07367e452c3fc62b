"""What is in force follows from log and files, and every version stays known."""

from __future__ import annotations

import msgspec
import pytest

from aedilis.errors import DeclarationError, UnknownSensorType
from registry.types import Applied, same_reading, topics_of
from sensors.parsing import parse
from tests.unit.registry.lamps import known, lamp, stand


def test_the_log_goes_before_the_file_and_a_newer_file_before_the_log() -> None:
    assert known(files=(lamp(1),)).in_force() == {"lamp": 1}
    assert known(lamp(1), lamp(2), files=(lamp(1),)).in_force() == {"lamp": 2}
    assert known(lamp(1), lamp(2), in_force=1, files=(lamp(1),)).in_force() == {"lamp": 1}
    assert known(lamp(1), files=(lamp(3),), in_force=1).in_force() == {"lamp": 1}, "restored although it knew the file"
    found = known(lamp(1))
    assert found.in_force() == {"lamp": 1}
    newer = known(files=(lamp(3),))
    newer.learn("lamp@1", msgspec.json.encode(Applied(lamp(1), 1, "test")))
    newer.learn("lamp", b'{"version": 1, "newest": 2}')
    assert newer.in_force() == {"lamp": 3}, "the file came after that was decided"


def test_a_withdrawn_type_is_known_and_not_in_force() -> None:
    found = known(lamp(1), lamp(2), files=(lamp(1),))
    stand(found, None)
    assert found.in_force() == {}
    assert list(found.versions("lamp")) == [1, 2]
    assert found.found("lamp").version == 2
    stand(found, 1)
    assert found.in_force() == {"lamp": 1}


def test_versions_are_for_good_and_told_with_who_and_when() -> None:
    found = known(lamp(1), lamp(2))
    found.learn("lamp@1", None)
    first = found.found("lamp", 1)
    assert (first.text, first.applied_at, first.applied_by, first.note) == (lamp(1), 1_000, "test", "why")
    assert first.declared == parse(lamp(1))
    with pytest.raises(UnknownSensorType, match=r"lamp@3.*lamp@1, lamp@2"):
        found.found("lamp", 3)


def test_what_files_say_and_the_log_does_not_know_is_told() -> None:
    assert [(one.name, one.version) for one in known(files=(lamp(1),)).unlogged()] == [("lamp", 1)]
    assert known(lamp(1), files=(lamp(1),)).unlogged() == []


def test_a_file_that_contradicts_the_log_is_told_and_does_not_count() -> None:
    other = lamp(1, **{"high = 5.0": "high = 6.0"})
    found = known(lamp(1), lamp(2), files=(other,), in_force=1)
    assert found.found("lamp", 1).text == lamp(1)
    assert list(found.contradicted()) == ["lamp@1"]
    assert "raise the version in the file to 3" in found.contradicted()["lamp@1"]
    assert known(lamp(1), files=(lamp(1, **{"A lamp": "A lantern"}),)).contradicted() == {}


def test_prose_is_no_reading() -> None:
    assert same_reading(parse(lamp()), parse(lamp(**{"A lamp": "A lantern"})))
    assert not same_reading(parse(lamp()), parse(lamp(**{"high = 5.0": "high = 6.0"})))


def test_topics_are_told_in_one_text() -> None:
    assert topics_of(parse(lamp())) == "city/{agency}/{thing}/lamp"


def test_a_text_that_this_program_cannot_read_says_so_when_asked() -> None:
    found = known(lamp(1))
    found.learn("lamp@2", msgspec.json.encode(Applied("name = ", 1, "newer program")))
    with pytest.raises(DeclarationError, match="lamp@2"):
        _ = found.found("lamp", 2).declared
