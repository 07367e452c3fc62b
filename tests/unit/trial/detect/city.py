"""A small city in a file: three stations with two properties each hour, and what goes wrong there."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

HEADER = "time,thing,property,value,longitude,latitude,label"
HOURS = 24 * 14


def rows(hours: int = HOURS) -> list[str]:
    """In the order of time. A spike at hour 200 of A, B silent from hour 220 to 240, C open to the end from 330 on."""
    lines = []
    for hour in range(hours):
        time = (datetime(2015, 1, 1) + timedelta(hours=hour)).isoformat()
        for i, thing in enumerate("ABC"):
            for prop in ("no2", "o3"):
                value = f"{40 + 10 * math.sin(hour / 24 * 2 * math.pi) + (hour * 7 + i * 3) % 5:.1f}"
                if thing == "A" and prop == "no2" and hour == 200:
                    value = "400"
                if thing == "A" and prop == "no2" and hour == 100:
                    value = "NA"
                if thing == "C" and hour >= 330:
                    value = "900"
                if not (thing == "B" and 220 <= hour < 240):
                    lines.append(f"{time},{thing},{prop},{value},116.{i},39.{i},{int(value == '400')}")
    return lines
