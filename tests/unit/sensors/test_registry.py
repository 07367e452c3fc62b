"""The registry finds our types and those of a folder, which may replace ours by name."""

from importlib.resources import files
from pathlib import Path

import pytest

from aedilis.errors import DeclarationError, UnknownSensorType
from sensors.registry import load, one, read
from tests.unit.sensors.test_declaration import GOOD


def test_every_file_of_the_folder_is_found() -> None:
    names = {file.name.removesuffix(".toml").replace("_", "-") for file in files("sensors").joinpath("types").iterdir()}
    assert set(load()) == names >= {"air-station", "price-board"}


def test_a_folder_adds_and_replaces(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    ours = (files("sensors") / "types" / "price_board.toml").read_text()
    (tmp_path / "other.toml").write_text(ours.replace("version = 2", "version = 7", 1))
    (tmp_path / "notes.txt").write_text("no type")
    found = load(str(tmp_path))
    assert set(found) == {*load(), "test-type"}
    assert found["price-board"].version == 7
    assert one("test-type", str(tmp_path)).title == "Test"


def test_a_type_that_nobody_declares_tells_those_that_are() -> None:
    with pytest.raises(UnknownSensorType, match=r"'air'.*air-station, airrohr"):
        one("air")


def test_a_fault_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD.replace("version = 1", "version = 0"))
    with pytest.raises(DeclarationError, match=r"mine.toml.*1 fault"):
        load(str(tmp_path))


def test_no_folder() -> None:
    with pytest.raises(DeclarationError, match="AEDILIS_SENSOR_TYPES is no folder"):
        load("/no/such/folder")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(DeclarationError, match="cannot be read"):
        read(tmp_path / "mine.toml")
    with pytest.raises(DeclarationError, match="cannot be read"):
        read(tmp_path / "absent.toml")


def test_two_types_of_one_topic_are_a_fault(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD.replace("{thing}/test", "{thing}/air"))
    with pytest.raises(DeclarationError, match="is the topic of air-station"):
        load(str(tmp_path))
