"""The names that other tools rely on are those of docs/outside-names.md, in the real database and command line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from aedilis.quality import QUALITY_WORDS, said_by, validity
from aedilis.settings import Settings
from aedilis.vocabulary import Quality, Test
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


def test_quality_is_told_in_sql_as_in_python(installation: Installation) -> None:
    every = {(quality, flag) for quality in Quality for flag in (None, "", "C")}
    asked = [[quality.value for quality, _ in every], [flag for _, flag in every]]
    told = installation.rows(
        "select quality, flag, quality_word(quality), validity(quality, flag)"
        f" from unnest(array{asked[0]}::smallint[], "
        f"array[{', '.join('null' if flag is None else repr(flag) for flag in asked[1])}]::text[]) as u (quality, flag)"
    )
    assert {row[:2]: row[2:] for row in told} == {
        (quality, flag): (QUALITY_WORDS[quality], validity(quality, flag)) for quality, flag in every
    }
    combinations = 2 ** (len(Test) + 1)
    said = installation.rows(f"select n, tests_said(n) from generate_series(0, {combinations - 1}) n")
    assert len(said) == combinations
    assert all(words == said_by(bits) for bits, words in said)


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
