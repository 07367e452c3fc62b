"""The JSON schema: its committed copy is that of the code, our own files are of it, and misspelt ones are not."""

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from registry.commands import types
from sensors.schema import FILE, schema, text

FOLDER = files("sensors")
SHIPPED = sorted(FOLDER.joinpath("types").iterdir(), key=lambda file: file.name)


def test_the_copy_is_that_of_the_code() -> None:
    mend = f"run: aedilis types schema > sensors/{FILE}"
    assert FOLDER.joinpath(FILE).read_text(encoding="utf-8") == text(), mend
    assert CliRunner().invoke(types, ["schema"]).output == text()


def test_it_is_a_schema_that_explains() -> None:
    Draft202012Validator.check_schema(schema())
    definitions = [schema(), *schema()["$defs"].values()]
    assert all("description" in one for one in definitions if one.get("type") == "object")
    assert "null" not in text()


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_our_own_types_are_of_it(file: Traversable) -> None:
    Draft202012Validator(schema()).validate(tomllib.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"intervall_s": 5},
        {"version": "one"},
        {"properties": []},
        {"time": {"form": "epoch_minutes"}},
        {"payload": {"longitud": "x"}},
        {"properties": [{"name": "a", "unit": "1", "gas": {"molar_mass": 46}}]},
        {"properties": [{"name": "a"}]},
    ],
    ids=str,
)
def test_what_is_not_of_it(wrong: dict[str, Any]) -> None:
    good = tomllib.loads(SHIPPED[0].read_text(encoding="utf-8"))
    assert Draft202012Validator(schema()).is_valid(good)
    assert not Draft202012Validator(schema()).is_valid({**good, **wrong})
