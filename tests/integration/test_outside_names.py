"""The names that other tools rely on are those of docs/outside-names.md, in the real database and command line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from aedilis.settings import Settings
from tests.conftest import Installation, aedilis

PAGE = (Path(__file__).parents[2] / "docs" / "outside-names.md").read_text()


def sections() -> dict[str, list[str]]:
    """Heading → first cells of its table."""
    parts = re.split(r"^##+ `(.*)`$", PAGE, flags=re.MULTILINE)
    return {
        title: re.findall(r"^\| `(\w+)` \|", body, re.MULTILINE)
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_views(installation: Installation) -> None:
    found: dict[str, list[str]] = {}
    for view, column in installation.rows(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'public' and table_name in (select viewname from pg_views where schemaname = 'public')"
        " order by table_name, ordinal_position"
    ):
        found.setdefault(view, []).append(column)
    assert {name: columns for name, columns in sections().items() if not name.startswith("aedilis ")} == found
    for view in found:
        installation.rows(f"select * from {view}")


def test_settings_json(installation: Installation) -> None:
    given: dict[str, Any] = json.loads(aedilis("settings", "--json", env=installation.env).stdout)
    assert set(given) == {field.name for field in msgspec.structs.fields(Settings)} | {"page", "ports"}
    assert set(given["ports"]) == {"mqtt", "kafka", "database", "api"}
    assert given["page"].startswith("http://")
    assert given["database"] == installation.database


def test_counts_json(installation: Installation) -> None:
    given = json.loads(aedilis("counts", "--json", env=installation.env).stdout)
    assert list(given) == sections()["aedilis counts --json"]
    assert list(given["quarantine"]) == ["standing", "redriven", "dropped"]
    assert all(list(one) == ["name", "left", "right", "agree"] for one in given["sums"])


def test_redrive_json(installation: Installation) -> None:
    given = json.loads(aedilis("redrive", "--dry-run", "--json", env=installation.env).stdout)
    assert list(given) == sections()["aedilis redrive --json"]
