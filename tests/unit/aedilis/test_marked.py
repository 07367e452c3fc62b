"""What stands between the marks is replaced, and a page without them is left as it is."""

from __future__ import annotations

from pathlib import Path

from aedilis import marked


def test_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    assert not marked.put("new", page, "<a>", "</a>")
    assert not page.exists()
    page.write_text("head\n<a>\nold\n</a>\ntail\n")
    assert marked.put("new\n", page, "<a>", "</a>")
    assert page.read_text() == "head\n<a>\n\nnew\n\n</a>\ntail\n"
    assert not marked.put("new", page, "<b>", "</b>")
