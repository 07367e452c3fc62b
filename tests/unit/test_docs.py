"""What the docs say exists, and what exists stands in the docs."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import click
import msgspec
import pytest
from prometheus_client.metrics import MetricWrapperBase

from aedilis import metrics, vocabulary
from aedilis.cli import cli
from aedilis.settings import Settings, default_home

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
OWN_CODE = [
    path
    for room in ROOT.iterdir()
    if (room / "__init__.py").exists() and room.name != "tests"
    for path in room.rglob("*")
    if path.suffix in (".py", ".sh", ".toml", ".html") and "node_modules" not in path.parts
]


def text(name: str) -> str:
    return (DOCS / name).read_text()


def table(name: str) -> dict[str, list[str]]:
    """First cell → the others, of each row whose first cell is code."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text(name).splitlines() if line[:3] == "| `"]
    return {row[0].strip("`"): row[1:] for row in rows}


# ---------------------------------------------------------------- settings


def shown_default(value: object) -> str:
    written = (
        ",".join(value)
        if isinstance(value, tuple)
        else str(value).lower()
        if value is True or value is False
        else str(value)
    )
    return f"`{written}`" if written else "—"


def settings_in_code() -> dict[str, str]:
    """Variable → default, as the page should show it."""
    defaults = {
        field.name: default_home().name if field.name == "home" else field.default
        for field in msgspec.structs.fields(Settings)
    }
    return {f"AEDILIS_{name.upper()}": shown_default(value) for name, value in defaults.items()}


def test_each_setting_stands_in_settings_md_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AEDILIS_HOME", raising=False)
    code, page = settings_in_code(), table("settings.md")
    lacking = [f"| `{name}` | {default} | … |" for name, default in code.items() if name not in page]
    assert not lacking, "add these rows to docs/settings.md:\n" + "\n".join(lacking)
    assert not set(page) - set(code), "these rows of docs/settings.md name no setting"
    wrong = {name: f"default {default}" for name, default in code.items() if page[name][0] != default}
    assert not wrong, "docs/settings.md shows another default"
    unexplained = [name for name in code if len(page[name][1]) < 8]
    assert not unexplained, "docs/settings.md does not explain these"


def test_every_variable_that_the_code_names_stands_in_settings_md() -> None:
    named = {
        name
        for path in OWN_CODE
        for name in re.findall(r"AEDILIS_[A-Z]+(?:_[A-Z]+)*", path.read_text())
        if name != "AEDILIS_X_Y"  # in the words that explain the rule
    }
    page = set(re.findall(r"AEDILIS_[A-Z_]+[A-Z]", text("settings.md")))
    assert not named - page, "add these variables to docs/settings.md"
    assert not page - named - set(settings_in_code()), "docs/settings.md names variables that no code reads"


# ---------------------------------------------------------------- metrics


def test_each_metric_stands_in_metrics_md() -> None:
    code = {
        one._name + ("_total" if one._type == "counter" else ""): [one._type, ", ".join(one._labelnames) or "—"]
        for one in vars(metrics).values()
        if isinstance(one, MetricWrapperBase)
    }
    page = table("metrics.md")
    lacking = [f"| `{name}` | {' | '.join(cells)} | … |" for name, cells in code.items() if name not in page]
    assert not lacking, "add these rows to docs/metrics.md:\n" + "\n".join(lacking)
    assert not set(page) - set(code), "these rows of docs/metrics.md name no metric"
    assert {name: page[name][:2] for name in code} == code
    assert all(len(page[name][2]) > 8 for name in code)


# ---------------------------------------------------------------- commands


def commands(group: click.Group, before: str = "aedilis") -> dict[str, list[str]]:
    """Whole name → its options, of every command that does something and is not hidden."""
    found: dict[str, list[str]] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            found |= commands(command, f"{before} {name}")
        if not isinstance(command, click.Group) or command.invoke_without_command:
            options = [
                option
                for one in command.params
                if isinstance(one, click.Option)
                for option in one.opts + one.secondary_opts
            ]
            found[f"{before} {name}"] = options
    return found


def test_each_command_stands_in_commands_md_with_its_options() -> None:
    parts = re.split(r"^#+ (.*)$", text("commands.md"), flags=re.MULTILINE)
    page = {title.strip("`"): body for title, body in zip(parts[1::2], parts[2::2], strict=True) if title[0] == "`"}
    code = commands(cli)  # type: ignore[arg-type]
    assert set(page) == set(code), "the headings of docs/commands.md and the commands of `aedilis --help` differ"
    lacking = [f"{name} {option}" for name, options in code.items() for option in options if option not in page[name]]
    assert not lacking, "docs/commands.md does not explain these options"
    unknown = [
        f"{name} {option}"
        for name, body in page.items()
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", body)
        if option not in code[name] and f"{name} --json" not in body
    ]
    assert not unknown, "docs/commands.md names options that are none"


# ---------------------------------------------------------------- words and files


def test_each_word_of_the_vocabulary_stands_in_the_glossary() -> None:
    words = {
        name for name, one in vars(vocabulary).items() if inspect.isclass(one) and one.__module__ == vocabulary.__name__
    }
    page = set(re.findall(r"\*\*(.+?)\*\*", text("glossary.md")))
    page |= {word for entry in page for word in entry.split(", ")}
    assert not words - page, "add these to docs/glossary.md"
    assert len(re.findall(r"^- \*\*(.+?)\*\*", text("glossary.md"), re.MULTILINE)) == len(
        set(re.findall(r"^- \*\*(.+?)\*\*", text("glossary.md"), re.MULTILINE))
    ), "one word stands twice"


PAGES = [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    content = page.read_text()
    links = [target for target in re.findall(r"\]\(([^)#]+)[^)]*\)", content) if "://" not in target]
    rooms = "aedilis sensors registry ingest simulation streams detectors storage alerts api deploy bench docs tests"
    paths = re.findall(rf"`((?:{rooms.replace(' ', '|')})/[\w./*-]*)`", content)
    absent = [target for target in links if not (page.parent / target).exists()]
    absent += [path for path in paths if not list(ROOT.glob(path.rstrip("/")))]
    assert not absent


def test_a_newcomer_opens_a_file_of_every_room() -> None:
    named = {path.split("/")[0] for path in re.findall(r"`(\w+/[\w./]*)`", text("follow-an-observation.md"))}
    rooms = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()} - {
        "tests",
        "deploy",
        "bench",
        "trial",
    }
    assert rooms <= named


def test_decisions_are_numbered_pages_of_one_form() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        headings = re.findall(r"^## (.*)$", page.read_text(), re.MULTILINE)
        assert headings == ["Aim", "What it is", "What it is not", "What others do", "What is open"], page.name
        assert len(page.read_text().splitlines()) < 70, "a page is one page"
