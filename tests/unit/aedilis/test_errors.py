"""Each error's docstring is its message, and whoever raises it gives all that the message needs."""

import ast
from pathlib import Path
from string import Formatter

import pytest

from aedilis import errors
from aedilis.errors import AedilisError

ROOT = Path(__file__).parents[3]
ERRORS = {
    name: found
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, AedilisError)
}  # fmt: skip
ROOMS = [folder for folder in ROOT.iterdir() if (folder / "__init__.py").exists() and folder.name != "tests"]


def fields(error: type[AedilisError]) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(error.__doc__ or "") if name}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_the_docstring_is_the_message(error: type[AedilisError]) -> None:
    facts = {name: f"<{name} {{}}>" for name in fields(error)}
    message = str(error(**facts))
    assert facts
    for fact in facts.values():
        assert fact in message or repr(fact) in message
    assert error(**facts).facts == facts


def raised() -> list[tuple[str, str, set[str]]]:
    """(where, class, names of the facts) of every call that makes one of our errors."""
    found = []
    for path in (path for room in ROOMS for path in room.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                names = {keyword.arg or "**" for keyword in node.keywords}
                found.append((f"{path.relative_to(ROOT)}:{node.lineno}", node.func.id, names))
    return found


def test_every_error_gets_the_facts_that_it_tells() -> None:
    calls = raised()
    assert {where.partition("/")[0] for where, _, _ in calls} >= {"aedilis", "sensors", "simulation", "storage"}
    wrong = [
        f"{where}: {name} needs {fields(ERRORS[name])}" for where, name, got in calls if fields(ERRORS[name]) != got
    ]
    assert not wrong
