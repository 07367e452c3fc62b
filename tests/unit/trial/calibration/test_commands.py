"""The command: cities that are shown are others, the file is the one in force, tables go where their place is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from aedilis.errors import PageError
from detectors.core.calibration import Calibration
from trial.calibration import commands as subject
from trial.calibration.commands import BEGIN, END, Scores, calibrate, put
from trial.calibration.reliability import Judged


def test_it_writes_a_calibration_and_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def gathered(seeds: Any, days: float, advance: Any) -> dict[tuple[str, str], Scores]:
        asked.append(set(seeds))
        scores = [Judged(0.95 + i / 1000, i % 10 > 0) for i in range(40)]
        return {("spike", "spike"): Scores(scores, scores), ("rare", "rare"): Scores(scores[:3], scores[:3])}

    monkeypatch.setattr(subject, "gathered", gathered)
    out, page = tmp_path / "c.json", tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    arguments = ["--seeds", "3", "--shown", "2", "--days", "2", "--out", str(out), "--page", str(page)]
    ended = CliRunner().invoke(calibrate, arguments, catch_exceptions=False)
    assert ended.exit_code == 0
    fit, shown = asked
    assert (len(fit), len(shown), fit & shown) == (3, 2, set())
    written = msgspec.json.decode(out.read_bytes(), type=Calibration)
    assert set(written.lines) == {"spike"}, "of three nobody knows"
    assert "--seeds 3" in written.made
    text = page.read_text()
    assert text.startswith("before")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| rare | rare | 3, too few | 3 |" in text
    assert "Those whose scores differ" in ended.stdout


def test_a_page_without_a_place_stays_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(PageError, match="has no place"):
        put("tables", page)
    assert page.read_text() == "nothing"
