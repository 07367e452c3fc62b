"""When a city does what: days of work and of rest, the traffic, the market's hours, the heating, the seasons.

The city keeps UTC. Not here: the weather, and what comes of habits in a Datastream.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulation.chance import Floats, Integers

DAY = 86_400
HOLIDAYS = (101, 106, 425, 501, 602, 815, 1101, 1208, 1225, 1226)
"""Month and day of Italy's public holidays that have a date (law 260 of 1949; the Epiphany by decree 792 of 1985)."""
MARKET_OPENS, MARKET_CLOSES = 6, 15


def hour(seconds: Integers) -> Floats:
    """Of the day, 0 to 24."""
    return (seconds % DAY) / 3600.0


def year(seconds: Floats | Integers) -> Floats:
    """How far the year has gone, in radians."""
    return np.asarray(seconds, np.float64) * (2.0 * np.pi / (365.2425 * DAY))


def weekday(day: Integers) -> Integers:
    """0 is Monday; `day` counts from 1970-01-01, a Thursday."""
    return (day + 3) % 7


def holiday(day: Integers) -> npt.NDArray[np.bool_]:
    """Whether it is one."""
    date = day.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    number = (month.astype(np.int64) % 12 + 1) * 100 + (date - month).astype(np.int64) + 1
    return np.isin(number, HOLIDAYS)


def hump(now: Floats, at: float, width: float) -> Floats:
    """1 at an hour of the day, falling off around it; the day is a circle."""
    away = np.abs(now - at)
    return np.exp(-((np.minimum(away, 24.0 - away) / width) ** 2))


def rest(seconds: Integers) -> Floats:
    """0 on a working day, 0.5 on Saturday, 1 on Sunday and holidays; until four the night belongs to the day before."""
    day, now = seconds // DAY, hour(seconds)
    part = np.clip(now / 4.0, 0.0, 1.0)
    blend = part * part * (3.0 - 2.0 * part)
    return _rest(day - 1) * (1.0 - blend) + _rest(day) * blend


def _rest(day: Integers) -> Floats:
    of_week = weekday(day)
    return np.where((of_week == 6) | holiday(day), 1.0, np.where(of_week == 5, 0.5, 0.0))


def traffic(seconds: Integers) -> Floats:
    """About 1 in the rush hour of a working day; days of rest have one late and low hump."""
    now, free = hour(seconds), rest(seconds)
    work = hump(now, 8, 1.4) + 0.75 * hump(now, 18, 2.0) + 0.4 * hump(now, 13, 2.5)
    leisure = 0.45 * hump(now, 13, 3.5) + 0.3 * hump(now, 19, 2.5)
    return 0.13 + (1.0 - free) * work + free * leisure


def heating(seconds: Integers) -> Floats:
    """How much of the day's heating falls on this hour: mornings and evenings."""
    now = hour(seconds)
    return 0.4 + 0.5 * hump(now, 7, 2.0) + 0.8 * hump(now, 20.5, 3.0)


def crowd(seconds: Integers) -> Floats:
    """Customers of a market hall, 1 at noon of a working day; 0 while it is closed, as on Sundays and holidays."""
    day, now = seconds // DAY, hour(seconds)
    opened = (now >= MARKET_OPENS) & (now < MARKET_CLOSES) & (_rest(day) < 1.0)
    shape = np.sin((now - MARKET_OPENS) / (MARKET_CLOSES - MARKET_OPENS) * np.pi)
    return np.where(opened, shape * np.where(weekday(day) == 5, 1.6, 1.0), 0.0)


def last_priced(seconds: Integers) -> Integers:
    """When stalls last wrote their prices: every two hours from opening on, never at night."""
    since = seconds - MARKET_OPENS * 3600
    return since // DAY * DAY + MARKET_OPENS * 3600 + np.minimum(since % DAY // 7200 * 7200, 8 * 3600)
