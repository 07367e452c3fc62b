"""What a simulated city remembers from one run to the next, so that it has one history.

A JSON file for each city: `start` (when the city began; its incidents count from there), `published_until`
(all before it was acknowledged by the broker) and `again_from` (where that stood ten seconds earlier): a later run goes on from
there, as a device sends its last seconds again after an outage.
"""

from __future__ import annotations

import json
import time
from collections import deque
from datetime import datetime
from pathlib import Path

from aedilis.errors import SettingError
from aedilis.identity import to_topic_level
from aedilis.settings import Settings
from simulation.city import DATASTREAMS
from simulation.publisher import AGAIN_SECONDS


def memory_file(
    settings: Settings, agency: str, seed: int, datastreams: int = DATASTREAMS, *, calm: bool = False
) -> Path:
    """Where this city is remembered: another size, or one without incidents, is another city."""
    name = f"{to_topic_level(agency)}-{seed}"
    name += f"-{datastreams}" if datastreams != DATASTREAMS else ""
    name += "-calm" if calm else ""
    return settings.home_path / "simulation" / f"{name}.json"


class Memory:
    """Where a city stands; `keep` writes it. Without a file nothing is kept from run to run."""

    def __init__(self, file: Path | None, start: datetime) -> None:
        self._file = file
        self.start = self.published_until = self.go_on_from = start
        if file is not None and file.exists():
            self.start, self.published_until, self.go_on_from = _recall(file)
        self._kept = deque([(time.monotonic(), self.go_on_from)])

    def keep(self, position: datetime) -> None:
        """This run has published all before `position`; what an earlier one published stays published."""
        now = time.monotonic()
        self.published_until = max(self.published_until, position)
        self._kept.append((now, position))
        while len(self._kept) > 1 and self._kept[1][0] <= now - AGAIN_SECONDS:
            self._kept.popleft()
        if self._file is None:
            return
        times = (self.start, self.published_until, self._kept[0][1])
        content = {name: moment.isoformat() for name, moment in zip(_NAMES, times, strict=True)}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(content, indent=1))
        partial.replace(self._file)


_NAMES = ("start", "published_until", "again_from")


def _recall(file: Path) -> list[datetime]:
    problem = "times without zone"
    try:
        kept = json.loads(file.read_text())
        times = [datetime.fromisoformat(kept[name]) for name in _NAMES]
        if all(moment.tzinfo for moment in times):
            return times
    except (ValueError, TypeError, KeyError, OSError) as error:
        problem = f"{type(error).__name__}: {error}"
    mend = "delete the file; the city begins anew"
    raise SettingError(name=str(file), expected=", ".join(_NAMES), got=problem, mend=mend)
