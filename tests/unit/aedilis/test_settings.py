"""Settings come from the environment, else the file, else the defaults; what cannot be meant is refused."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from aedilis.errors import SettingError
from aedilis.settings import Settings, default_home, given_servers, load


@pytest.fixture
def home(tmp_path: Path) -> Path:
    kept = {"mqtt": "127.0.0.1:2883", "mqtt_user": "aedilis", "mqtt_password": "made", "_private": "x"}
    (tmp_path / "settings.json").write_text(json.dumps(kept))
    return tmp_path


def test_the_environment_goes_before_the_file_before_the_defaults(home: Path) -> None:
    found = load({"AEDILIS_HOME": str(home), "AEDILIS_FRAME_MS": "7", "AEDILIS_AGENCIES": "a, b"})
    assert (found.frame_ms, found.agencies) == (7, ("a", "b"))
    assert (found.mqtt, found.mqtt_user, found.mqtt_password) == ("127.0.0.1:2883", "aedilis", "made")
    assert found.kafka == "127.0.0.1:9092"


def test_an_empty_variable_is_not_set(home: Path) -> None:
    found = load({"AEDILIS_HOME": str(home), "AEDILIS_MQTT": "", "AEDILIS_FRAME_MS": "", "AEDILIS_AGENCIES": ""})
    assert (found.mqtt, found.frame_ms, found.agencies) == ("127.0.0.1:2883", 50, ())
    assert found.mqtt_user == "aedilis"


def test_our_brokers_password_is_not_told_to_another_broker(home: Path) -> None:
    environ = {"AEDILIS_HOME": str(home), "AEDILIS_MQTT": "broker.example:1883"}
    assert (load(environ).mqtt_user, load(environ).mqtt_password) == ("", "")
    theirs = {**environ, "AEDILIS_MQTT_USER": "u", "AEDILIS_MQTT_PASSWORD": "p"}
    assert (load(theirs).mqtt_user, load(theirs).mqtt_password) == ("u", "p")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("AEDILIS_MQQT", "AEDILIS_MQTT"),
        ("AEDILIS_DATABASE_URL", "AEDILIS_DATABASE"),
        ("AEDILIS_CASHE", "AEDILIS_CACHE"),
        ("AEDILIS_SESSION_TIMEOUT", "AEDILIS_SESSION_TIMEOUT_SECONDS"),
    ],
)
def test_a_variable_that_names_no_setting_is_refused_with_the_nearest(tmp_path: Path, name: str, nearest: str) -> None:
    with pytest.raises(SettingError, match=rf"Setting {name}: .*do you mean {nearest}\?") as caught:
        load({"AEDILIS_HOME": str(tmp_path), name: "hush"})
    assert "hush" not in str(caught.value)


def test_variables_that_are_no_settings_pass(tmp_path: Path) -> None:
    load({"AEDILIS_HOME": str(tmp_path), "AEDILIS_CACHE": "/x", "AEDILIS_DEBIAN_MIRROR": "y", "PATH": "/bin"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AEDILIS_MQTT", "broker.example"),
        ("AEDILIS_MQTT", "broker.example:mqtt"),
        ("AEDILIS_KAFKA", "a:1,b"),
        ("AEDILIS_API", ":8080"),
        ("AEDILIS_API", "127.0.0.1:80800"),
    ],
)
def test_an_address_is_host_and_port(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"{name}: expected host:port"):
        load({"AEDILIS_HOME": str(tmp_path), name: value})


def test_a_value_of_the_wrong_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"AEDILIS_FRAME_MS: .*`int`.*got 'soon'"):
        load({"AEDILIS_HOME": str(tmp_path), "AEDILIS_FRAME_MS": "soon"})


def test_a_broken_file_is_named(home: Path) -> None:
    (home / "settings.json").write_text("{")
    with pytest.raises(SettingError, match=r"settings\.json.*delete the file"):
        load({"AEDILIS_HOME": str(home)})


def test_given_servers() -> None:
    assert given_servers({"AEDILIS_MQTT": "a:1", "AEDILIS_KAFKA": "", "AEDILIS_API": "b:2"}) == {"mqtt"}


def test_each_form_of_value(tmp_path: Path) -> None:
    given = {"AEDILIS_AGENCIES": " north, south ,,", "AEDILIS_FRAME_MS": "40", "AEDILIS_CHECKPOINT_SECONDS": "0.5"}
    settings = load({"AEDILIS_HOME": str(tmp_path), **given})
    assert (settings.agencies, settings.frame_ms, settings.checkpoint_seconds) == (("north", "south"), 40, 0.5)


@pytest.mark.parametrize("field", [field for field in msgspec.structs.fields(Settings) if field.type in (int, float)])
def test_a_number_that_is_none_names_its_variable(tmp_path: Path, field: msgspec.structs.FieldInfo) -> None:
    name = f"AEDILIS_{field.name.upper()}"
    with pytest.raises(SettingError, match=f"{name}.*'many'"):
        load({"AEDILIS_HOME": str(tmp_path), name: "many"})


def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEDILIS_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert default_home() == tmp_path / ".aedilis"
    monkeypatch.setenv("AEDILIS_HOME", str(tmp_path / "other"))
    assert default_home() == load().home_path == tmp_path / "other"


def test_topics_carry_the_prefix(tmp_path: Path) -> None:
    settings = load({"AEDILIS_HOME": str(tmp_path), "AEDILIS_KAFKA_PREFIX": "t1-"})
    assert settings.topic("observations") == "t1-observations"
