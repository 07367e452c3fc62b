"""A small simulated city: 40 street stations and 30 market halls, about 1,500 Datastreams, from a seed.

One weather drives all stations; traffic, prices and visitors follow hour and weekday. Every result is a function of
(seed, Datastream, time), so that the same seed gives the same bytes, live or fast. Three incidents are scripted and
labelled: a stuck sensor, a price surge, a station that falls silent.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from aedilis.identity import to_topic_level

STATIONS, MARKETS = 40, 30
STATION_SECONDS, MARKET_SECONDS = 300, 900
ZONES = ("north", "east", "south", "west", "centre")
GOODS = ("beans", "carrots", "tomatoes", "potatoes", "onions", "lemons", "apples", "cabbage", "pumpkin", "eggs",
         "chicken", "beef", "mackerel", "prawns", "rice", "flour", "lentils", "cheese", "butter", "olives")  # fmt: skip
SCALES, COLD_ROOMS, DOORS = 12, 5, 2
CENTRE = (12.4964, 41.9028)


@dataclass(frozen=True)
class Incident:
    """Something scripted; times are offsets from the start of the simulation."""

    kind: str
    thing: str
    datastream: str  # * for all of the Thing
    after: timedelta
    lasts: timedelta


INCIDENTS = (
    Incident("stuck", "Station 07", "TEMP", timedelta(hours=16), timedelta(hours=12)),
    Incident("surge", "Market 03", "price/tomatoes", timedelta(hours=21), timedelta(hours=6)),
    Incident("gap", "Station 12", "*", timedelta(hours=20), timedelta(hours=8)),
)


class City:
    """Makes messages; pure, it neither sleeps nor publishes."""

    def __init__(self, seed: int, start: datetime, agency: str = "demo") -> None:
        self._seed = seed
        self._start = start
        self._agency = to_topic_level(agency)

    def labels(self) -> list[dict[str, str]]:
        """The truth about the incidents."""
        return [
            {
                "thing": incident.thing,
                "datastream": incident.datastream,
                "kind": incident.kind,
                "starts_at": (self._start + incident.after).isoformat(),
                "ends_at": (self._start + incident.after + incident.lasts).isoformat(),
            }
            for incident in INCIDENTS
        ]

    def between(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, str, bytes]]:
        """(time, topic, payload) of every message due in [begin, end), in the order of time."""
        step = math.gcd(STATION_SECONDS, MARKET_SECONDS)
        seconds = math.ceil(begin.timestamp() / step) * step
        while seconds < end.timestamp():
            now = datetime.fromtimestamp(seconds, UTC)
            if seconds % STATION_SECONDS == 0:
                for number in range(1, STATIONS + 1):
                    if self._active("gap", f"Station {number:02d}", "*", now) is None:
                        yield now, f"city/{self._agency}/Station {number:02d}/street", self._station(number, now)
            if seconds % MARKET_SECONDS == 0:
                for number in range(1, MARKETS + 1):
                    yield now, f"city/{self._agency}/Market {number:02d}/market", self._market(number, now)
            seconds += step

    def _active(self, kind: str, thing: str, datastream: str, now: datetime) -> Incident | None:
        for incident in INCIDENTS:
            since = now - self._start - incident.after
            named = (incident.kind, incident.thing, incident.datastream) == (kind, thing, datastream)
            if named and timedelta(0) <= since < incident.lasts:
                return incident
        return None

    # ------------------------------------------------------------ chance

    def _chance(self, *names: object) -> float:
        """A number in [-1, 1) that depends on the seed and the names only; roughly bell-shaped."""
        digest = blake2b(repr((self._seed, *names)).encode(), digest_size=12).digest()
        parts = [int.from_bytes(digest[i : i + 4], "big") / 2**31 - 1 for i in (0, 4, 8)]
        return sum(parts) / 3

    def _slow(self, name: str, now: datetime, hours: float) -> float:
        """A smooth wander: chance at every `hours`, joined by a cosine."""
        place = now.timestamp() / 3600 / hours
        low = math.floor(place)
        blend = (1 - math.cos((place - low) * math.pi)) / 2
        return self._chance(name, low) * (1 - blend) + self._chance(name, low + 1) * blend

    # ------------------------------------------------------------ stations

    def _station(self, number: int, now: datetime) -> bytes:
        name = f"Station {number:02d}"
        at = now - self._active_since("stuck", name, "TEMP", now)
        payload = {**self._place(number, now), **self._air(number, now)}
        payload["TEMP"] = self._air(number, at)["TEMP"]
        return _json(payload)

    def _active_since(self, kind: str, thing: str, datastream: str, now: datetime) -> timedelta:
        incident = self._active(kind, thing, datastream, now)
        return timedelta(0) if incident is None else now - self._start - incident.after

    def _place(self, number: int, now: datetime) -> dict[str, object]:
        angle, distance = number * 2.39996, 0.011 * math.sqrt(number)
        return {
            "time": now.isoformat().replace("+00:00", "Z"),
            "zone": ZONES[number % len(ZONES)],
            "longitude": round(CENTRE[0] + distance * math.cos(angle), 5),
            "latitude": round(CENTRE[1] + distance * math.sin(angle) * 0.75, 5),
        }

    def _air(self, number: int, now: datetime) -> dict[str, float]:
        hour = now.hour + now.minute / 60
        workday = now.weekday() < 5
        wind = 3 + 2.5 * self._slow("wind", now, 6)
        sun = max(0.0, math.sin((hour - 6) / 12 * math.pi))
        rush = math.exp(-((hour - 8) ** 2) / 3) + math.exp(-((hour - 18) ** 2) / 4)
        traffic = (1.0 if workday else 0.45) * (0.15 + rush) * (1 + 0.3 * self._chance("traffic", number))
        still = 1 / max(0.6, wind / 3)
        jitter = {key: self._chance(key, number, now.timestamp()) for key in ("pm", "no2", "o3", "t", "rh", "p", "n")}
        temperature = 14 + 6 * (sun - 0.4) + 5 * self._slow("front", now, 48)
        haze = 14 * still * (1.4 + self._slow("haze", now, 30))
        dust = haze + 9 * traffic * still + 1.2 * jitter["pm"]
        nitrogen = 12 + 46 * traffic * still + 3 * jitter["no2"]
        return {
            "PM2.5": round(max(0.5, dust), 1),
            "PM10": round(max(1.0, 1.6 * dust + 2 * jitter["p"]), 1),
            "NO2": round(max(0.5, nitrogen), 1),
            "O3": round(max(1.0, 35 + 55 * sun - 0.4 * nitrogen + 3 * jitter["o3"]), 1),
            "TEMP": round(temperature + 0.8 * self._chance("site", number) + 0.15 * jitter["t"], 2),
            "RH": round(
                min(100.0, max(5.0, 68 - 22 * (sun - 0.4) + 14 * self._slow("damp", now, 20) + jitter["rh"])), 1
            ),
            "PRES": round(1015 + 9 * self._slow("pressure", now, 60) + 0.1 * jitter["p"], 2),
            "LAeq": round(46 + 9 * math.log10(1 + 20 * traffic) + 1.2 * jitter["n"], 1),
        }

    # ------------------------------------------------------------ markets

    def _market(self, number: int, now: datetime) -> bytes:
        name = f"Market {number:02d}"
        place = self._place(number + STATIONS, now)
        time = place.pop("time")
        records: list[dict[str, object]] = []
        records += [{"time": time, "place": goods, "price": self._price(name, goods, now)} for goods in GOODS]
        for scale in range(1, SCALES + 1):
            bias = 4 * self._chance(name, "scale", scale) + 6 * self._chance(name, scale, now.timestamp())
            records.append({"time": time, "place": str(scale), "weight_bias": round(bias, 1)})
        for room in range(1, COLD_ROOMS + 1):
            cold = (
                3
                + 0.8 * math.sin(now.timestamp() / 2400 + room)
                + 0.4 * self._chance(name, "cold", room, now.timestamp())
            )
            records.append({"time": time, "place": str(room), "temperature": round(cold, 2)})
        open_now = max(0.0, math.sin((now.hour + now.minute / 60 - 6) / 9 * math.pi)) if 6 <= now.hour < 15 else 0.0
        for door in range(1, DOORS + 1):
            crowd = (
                open_now * (220 if now.weekday() == 5 else 120) * (1 + 0.2 * self._chance(name, door, now.timestamp()))
            )
            records.append({"time": time, "place": str(door), "visitors": round(crowd)})
        return _json({**place, "records": records})

    def _price(self, market: str, goods: str, now: datetime) -> float:
        base = 1.5 + 6 * (1 + self._chance("base", goods)) ** 2
        week = 1 + 0.04 * math.sin((now.weekday() + now.hour / 24) / 7 * 2 * math.pi)
        wander = 1 + 0.1 * self._slow(f"trend {goods}", now, 96) + 0.05 * self._slow(f"{market} {goods}", now, 24)
        surge = 1.8 if self._active("surge", market, f"price/{goods}", now) else 1.0
        return round(base * week * wander * surge * (1 + 0.004 * self._chance(market, goods, now.timestamp())), 2)


def _json(payload: dict[str, object]) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()
