"""The keys of `aedilis bench --json` are those that docs/outside-names.md promises."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from bench.figures import Latency, Limit, Machine, Plain, Report, Scale, Takeover, Throughput

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "machine": Machine,
    "throughput": Throughput,
    "plain": Plain,
    "limits": Limit,
    "latency": Latency,
    "datastreams": Scale,
    "takeover": Takeover,
}


def test_promised_keys() -> None:
    page = (Path(__file__).parents[3] / "docs" / "outside-names.md").read_text()
    body = page.partition("## `aedilis bench --json`")[2].partition("\n## ")[0]
    parts = re.split(r"^### (\w+)$", body, flags=re.MULTILINE)
    promised = {
        title: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    assert promised == {title: [field.name for field in msgspec.structs.fields(one)] for title, one in SECTIONS.items()}
    assert list(promised) == [field.name for field in msgspec.structs.fields(Report)]
