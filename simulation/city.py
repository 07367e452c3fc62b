"""A small simulated city: 40 street stations and 30 market halls, about 1,500 Datastreams, from a seed.

One weather drives all stations; traffic, prices and visitors follow hour and weekday. Every result is a function of
(seed, start, Datastream, time), so that the same seed gives the same bytes, live or fast, in one run or in many. Three
incidents are scripted, labelled, and come again every two days: a stuck sensor, a price surge, a silent station.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import shake_128
from struct import unpack

from aedilis.identity import to_topic_level

STATIONS, MARKETS = 40, 30
STATION_SECONDS, MARKET_SECONDS = 300, 900
STEP_SECONDS = math.gcd(STATION_SECONDS, MARKET_SECONDS)
ZONES = ("north", "east", "south", "west", "centre")
GOODS = ("beans", "carrots", "tomatoes", "potatoes", "onions", "lemons", "apples", "cabbage", "pumpkin", "eggs",
         "chicken", "beef", "mackerel", "prawns", "rice", "flour", "lentils", "cheese", "butter", "olives")  # fmt: skip
SCALES, COLD_ROOMS, DOORS = 12, 5, 2
CENTRE = (12.4964, 41.9028)

Message = tuple[datetime, str, bytes]
"""(time, topic, payload)"""


@dataclass(frozen=True)
class Incident:
    """Something scripted; `after` the start of the city, and then every `EVERY`."""

    kind: str
    thing: str
    datastream: str  # * for all of the Thing
    after: timedelta
    lasts: timedelta


EVERY = timedelta(hours=48)
STUCK = Incident("stuck", "Station 07", "TEMP", timedelta(hours=16), timedelta(hours=12))
SURGE = Incident("surge", "Market 03", "price/tomatoes", timedelta(hours=21), timedelta(hours=6))
SILENCE = Incident("gap", "Station 12", "*", timedelta(hours=20), timedelta(hours=8))
INCIDENTS = (STUCK, SURGE, SILENCE)


@dataclass(frozen=True, slots=True)
class _Weather:
    """What all stations share at one time."""

    still: float  # 1 is an ordinary wind, more is less
    sun: float  # 0 to 1
    rush: float
    temperature: float
    haze: float
    damp: float
    pressure: float


class City:
    """Makes messages; pure, it neither sleeps nor publishes."""

    def __init__(self, seed: int, start: datetime, agency: str = "demo") -> None:
        self._seed = seed
        self._start = start
        self._agency = to_topic_level(agency)
        self._chance = lru_cache(maxsize=10_000)(self._one)

    def labels(self, until: datetime) -> list[dict[str, str]]:
        """The truth about the incidents that begin before `until`, in the order of their beginning."""
        found = []
        for incident in INCIDENTS:
            begins = self._start + incident.after
            while begins < until:
                found.append((begins, incident))
                begins += EVERY
        return [
            {
                "thing": incident.thing,
                "datastream": incident.datastream,
                "kind": incident.kind,
                "starts_at": begins.isoformat(),
                "ends_at": (begins + incident.lasts).isoformat(),
            }
            for begins, incident in sorted(found, key=lambda one: one[0])
        ]

    def between(self, begin: datetime, end: datetime) -> Iterator[Message]:
        """Every message due in [begin, end), in the order of time."""
        seconds = math.ceil(begin.timestamp() / STEP_SECONDS) * STEP_SECONDS
        while seconds < end.timestamp():
            now = datetime.fromtimestamp(seconds, UTC)
            if seconds % STATION_SECONDS == 0:
                yield from self._stations(now)
            if seconds % MARKET_SECONDS == 0:
                for number in range(1, MARKETS + 1):
                    yield now, f"city/{self._agency}/Market {number:02d}/market", self._market(number, now)
            seconds += STEP_SECONDS

    def _since(self, incident: Incident, now: datetime) -> timedelta | None:
        """How long it has been going on; None while it does not."""
        since = now - self._start - incident.after
        if since < timedelta(0) or since % EVERY >= incident.lasts:
            return None
        return since % EVERY

    # ------------------------------------------------------------ chance

    def _draw(self, count: int, *names: object) -> list[float]:
        """Numbers in [-1, 1) that depend on the seed and the names only; roughly bell-shaped."""
        digest = shake_128(repr((self._seed, *names)).encode()).digest(12 * count)
        parts = unpack(f"<{3 * count}I", digest)
        return [sum(parts[i : i + 3]) / (3 * 2**31) - 1 for i in range(0, 3 * count, 3)]

    def _one(self, *names: object) -> float:
        return self._draw(1, *names)[0]

    def _slow(self, name: str, seconds: float, hours: float) -> float:
        """A smooth wander: chance at every `hours`, joined by a cosine."""
        place = seconds / 3600 / hours
        low = math.floor(place)
        blend = (1 - math.cos((place - low) * math.pi)) / 2
        return self._chance(name, low) * (1 - blend) + self._chance(name, low + 1) * blend

    # ------------------------------------------------------------ stations

    def _stations(self, now: datetime) -> Iterator[Message]:
        weather = self._weather(now)
        stuck = self._since(STUCK, now)
        silent = self._since(SILENCE, now) is not None
        for number in range(1, STATIONS + 1):
            name = f"Station {number:02d}"
            if silent and name == SILENCE.thing:
                continue
            payload = self._place(number, now)
            payload |= self._air(number, now, weather)
            if stuck is not None and name == STUCK.thing:
                began = now - stuck
                payload["TEMP"] = self._air(number, began, self._weather(began))["TEMP"]
            yield now, f"city/{self._agency}/{name}/street", _json(payload)

    def _place(self, number: int, now: datetime) -> dict[str, object]:
        angle, distance = number * 2.39996, 0.011 * math.sqrt(number)
        return {
            "time": now.isoformat().replace("+00:00", "Z"),
            "zone": ZONES[number % len(ZONES)],
            "longitude": round(CENTRE[0] + distance * math.cos(angle), 5),
            "latitude": round(CENTRE[1] + distance * math.sin(angle) * 0.75, 5),
        }

    def _weather(self, now: datetime) -> _Weather:
        hour, seconds = now.hour + now.minute / 60, now.timestamp()
        wind = 3 + 2.5 * self._slow("wind", seconds, 6)
        still = 1 / max(0.6, wind / 3)
        sun = max(0.0, math.sin((hour - 6) / 12 * math.pi))
        rush = math.exp(-((hour - 8) ** 2) / 3) + math.exp(-((hour - 18) ** 2) / 4)
        return _Weather(
            still=still,
            sun=sun,
            rush=(1.0 if now.weekday() < 5 else 0.45) * (0.15 + rush),
            temperature=14 + 6 * (sun - 0.4) + 5 * self._slow("front", seconds, 48),
            haze=14 * still * (1.4 + self._slow("haze", seconds, 30)),
            damp=68 - 22 * (sun - 0.4) + 14 * self._slow("damp", seconds, 20),
            pressure=1015 + 9 * self._slow("pressure", seconds, 60),
        )

    def _air(self, number: int, now: datetime, weather: _Weather) -> dict[str, float]:
        dust_by, nitrogen_by, ozone_by, warm_by, damp_by, small, loud_by = self._draw(7, "air", number, now.timestamp())
        traffic = weather.rush * (1 + 0.3 * self._chance("traffic", number))
        dust = weather.haze + 9 * traffic * weather.still + 1.2 * dust_by
        nitrogen = 12 + 46 * traffic * weather.still + 3 * nitrogen_by
        return {
            "PM2.5": round(max(0.5, dust), 1),
            "PM10": round(max(1.0, 1.6 * dust + 2 * small), 1),
            "NO2": round(max(0.5, nitrogen), 1),
            "O3": round(max(1.0, 35 + 55 * weather.sun - 0.4 * nitrogen + 3 * ozone_by), 1),
            "TEMP": round(weather.temperature + 0.8 * self._chance("site", number) + 0.15 * warm_by, 2),
            "RH": round(min(100.0, max(5.0, weather.damp + damp_by)), 1),
            "PRES": round(weather.pressure + 0.1 * small, 2),
            "LAeq": round(46 + 9 * math.log10(1 + 20 * traffic) + 1.2 * loud_by, 1),
        }

    # ------------------------------------------------------------ markets

    def _market(self, number: int, now: datetime) -> bytes:
        name, seconds = f"Market {number:02d}", now.timestamp()
        place = self._place(number + STATIONS, now)
        time = place.pop("time")
        chance = iter(self._draw(len(GOODS) + SCALES + COLD_ROOMS + DOORS, name, seconds))
        records: list[dict[str, object]] = []
        for goods in GOODS:
            price = round(self._price(name, goods, now) * (1 + 0.004 * next(chance)), 2)
            records.append({"time": time, "place": goods, "price": price})
        for scale in range(1, SCALES + 1):
            bias = 4 * self._chance(name, "scale", scale) + 6 * next(chance)
            records.append({"time": time, "place": str(scale), "weight_bias": round(bias, 1)})
        for room in range(1, COLD_ROOMS + 1):
            cold = 3 + 0.8 * math.sin(seconds / 2400 + room) + 0.4 * next(chance)
            records.append({"time": time, "place": str(room), "temperature": round(cold, 2)})
        crowd = max(0.0, math.sin((now.hour + now.minute / 60 - 6) / 9 * math.pi)) if 6 <= now.hour < 15 else 0.0
        crowd *= 220 if now.weekday() == 5 else 120
        records += [
            {"time": time, "place": str(door), "visitors": round(crowd * (1 + 0.2 * next(chance)))}
            for door in range(1, DOORS + 1)
        ]
        return _json({**place, "records": records})

    def _price(self, market: str, goods: str, now: datetime) -> float:
        seconds = now.timestamp()
        base = 1.5 + 6 * (1 + self._chance("base", goods)) ** 2
        week = 1 + 0.04 * math.sin((now.weekday() + now.hour / 24) / 7 * 2 * math.pi)
        trend = self._slow(f"trend {goods}", seconds, 96)
        wander = 1 + 0.1 * trend + 0.05 * self._slow(f"{market} {goods}", seconds, 24)
        surges = market == SURGE.thing and f"price/{goods}" == SURGE.datastream and self._since(SURGE, now) is not None
        return base * week * wander * (1.8 if surges else 1.0)


def _json(payload: dict[str, object]) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()
