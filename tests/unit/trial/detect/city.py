"""A small city in a file: three stations with two properties each hour, and what goes wrong there."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

HEADER = "time,thing,property,value,longitude,latitude,label"
LEARNED = 24 * 21
"""Hours that are calm, so that all is known by then."""
HOURS = LEARNED + 24 * 14


def rows(hours: int = HOURS) -> list[str]:
    """In the order of time. After what is calm a spike at hour 200 of A, B silent from hour 220 to 240, C's NO2 from 320
    to the end."""
    lines = []
    for hour in range(hours):
        time = (datetime(2015, 1, 1) + timedelta(hours=hour)).isoformat()
        for i, thing in enumerate("ABC"):
            for prop in ("no2", "o3"):
                value = f"{40 + 10 * math.sin(hour / 24 * 2 * math.pi) + (hour * 7 + i * 3) % 5:.1f}"
                if thing == "A" and prop == "no2" and hour == LEARNED + 200:
                    value = "400"
                if thing == "A" and prop == "no2" and hour == 100:
                    value = "NA"
                silent = LEARNED + 220 <= hour < LEARNED + 240 if thing == "B" else hour >= LEARNED + 320
                if not (silent and (thing == "B" or (thing, prop) == ("C", "no2"))):
                    lines.append(f"{time},{thing},{prop},{value},116.{i},39.{i},{int(value == '400')}")
    return lines


def quotes(days: int = 150) -> list[str]:
    """Prices of two goods in three markets. On day 100 a point slips in A, from day 120 on B asks twice as much."""
    lines = []
    for day in range(days):
        time = (datetime(2020, 1, 1) + timedelta(days=day)).date().isoformat()
        for i, thing in enumerate("ABC"):
            for j, goods in enumerate(("beans", "leeks")):
                price = (100 + 60 * j + 5 * i) * (1 + 0.02 * ((day * (3 + i) + j) % 5))
                price *= 10 if (thing, goods, day) == ("A", "beans", 100) else 1
                price *= 2 if thing == "B" and goods == "leeks" and day >= 120 else 1
                lines.append(f"{time},{thing},{goods},{price:.1f},,,0")
    return lines


def channels(minutes: int = 2000) -> list[str]:
    """Five channels of one probe; from minute 1800 on for an hour all of them move away."""
    lines = []
    for minute in range(minutes):
        time = (datetime(2020, 1, 1) + timedelta(minutes=minute)).isoformat(sep=" ")
        for j in range(5):
            value = 10 * (j + 1) + 0.1 * ((minute * (7 + j) + minute // 7) % 11) + (4 if 1800 <= minute < 1860 else 0)
            lines.append(f"{time},probe,channel{j},{value:.2f},,,0")
    return lines
