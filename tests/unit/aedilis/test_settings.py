"""Settings come from the environment, else from the file, else from the default; what cannot be read is told."""

import json
from pathlib import Path

import msgspec
import pytest

from aedilis.errors import SettingError
from aedilis.settings import Settings, default_home, load, settings_file


def environ(home: Path, **values: str) -> dict[str, str]:
    return {"AEDILIS_HOME": str(home), **{f"AEDILIS_{name.upper()}": value for name, value in values.items()}}


def test_defaults(tmp_path: Path) -> None:
    assert load(environ(tmp_path)) == Settings(home=str(tmp_path))


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(tmp_path: Path) -> None:
    settings_file(tmp_path).write_text(json.dumps({"mqtt": "file:1", "kafka": "file:2", "_database_password": "x"}))
    settings = load(environ(tmp_path, mqtt="environment:3"))
    assert (settings.mqtt, settings.kafka, settings.api) == ("environment:3", "file:2", Settings(home="").api)


def test_each_form_of_value(tmp_path: Path) -> None:
    settings = load(environ(tmp_path, agencies=" north, south ,,", frame_ms="40", checkpoint_seconds="0.5"))
    assert settings.agencies == ("north", "south")
    assert settings.frame_ms == 40
    assert settings.checkpoint_seconds == 0.5
    assert load(environ(tmp_path, data_clock_agencies="")).data_clock_agencies == ()


@pytest.mark.parametrize("field", [field for field in msgspec.structs.fields(Settings) if field.type in (int, float)])
def test_a_number_that_is_none_names_its_variable(tmp_path: Path, field: msgspec.structs.FieldInfo) -> None:
    with pytest.raises(SettingError, match=f"AEDILIS_{field.name.upper()}.*'many'"):
        load(environ(tmp_path, **{field.name: "many"}))


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    settings_file(tmp_path).write_text("{")
    with pytest.raises(SettingError, match=r"settings\.json"):
        load(environ(tmp_path))


def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEDILIS_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert default_home() == tmp_path / ".aedilis"
    monkeypatch.setenv("AEDILIS_HOME", str(tmp_path / "other"))
    assert default_home() == load().home_path == tmp_path / "other"


def test_topics_carry_the_prefix(tmp_path: Path) -> None:
    assert load(environ(tmp_path, kafka_prefix="t1-")).topic("observations") == "t1-observations"
