"""`aedilis backtest`: every mistake is told, without a broker and before the database is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from aedilis.errors import AedilisError
from tests.unit.trial.lamps import TEXT
from trial.backtest.commands import backtest


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["lamp", "--file", "lamp.toml", "--version", "1"], "--file and --version exclude each other"),
        (["lamp", "--against", "first"], "expected a version or `none`"),
        (["lamps"], "'lamps' is not declared"),
        (["lamp", "--version", "7"], "'lamp@7' is not declared"),
        (["air-station", "--file", "lamp.toml"], "declares lamp, not air-station"),
        (["lamp"], "Database: .*Mend: is it running?"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AEDILIS_KAFKA", "127.0.0.1:1")  # only what the files say
    monkeypatch.setenv("AEDILIS_DATABASE", "postgresql://127.0.0.1:1/none")
    monkeypatch.setenv("AEDILIS_SENSOR_TYPES", str(tmp_path))
    (tmp_path / "lamp.toml").write_text(TEXT)
    done = CliRunner().invoke(backtest, ["--sensor-type", *arguments])
    assert isinstance(done.exception, AedilisError), done.output
    with pytest.raises(AedilisError, match=f"(?s){told}"):
        raise done.exception
