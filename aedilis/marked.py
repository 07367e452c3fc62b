"""Pages with a place between two marks, into which a command writes its tables."""

from __future__ import annotations

from pathlib import Path


def put(body: str, page: Path, begin: str, end: str) -> bool:
    """Write the body between the marks, in place of what stands there; False if the page has no such place."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    before, begun, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        return False
    page.write_text(f"{before}{begin}\n\n{body}\n{end}{after}", encoding="utf-8")
    return True
