"""Chance that remembers nothing: each number is a hash of the seed, a name and some integers.

So every result of the city can be told at any time, in any order and in any cut, without the ones before it. The hash is
SplitMix64 (G. Steele, D. Lea, C. Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014), over whole arrays.
"""

from __future__ import annotations

import math
from functools import cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_PART = np.uint64(0xFFFF)
_SIGMA = math.sqrt(3.0) / 65_536.0


class Chance:
    """Numbers of one seed. Integers may be arrays that broadcast against each other; the result has their shape."""

    def __init__(self, seed: int) -> None:
        self._key = cache(
            lambda name: np.uint64(int.from_bytes(blake2b(repr((seed, name)).encode(), digest_size=8).digest(), "big"))
        )

    def bits(self, name: str, *numbers: Integers | int) -> Bits:
        """64 bits each."""
        mixed: Bits = np.atleast_1d(self._key(name))
        for number in numbers:
            mixed = _mix(mixed + np.atleast_1d(number).astype(np.int64).view(np.uint64) * _GOLDEN)
        return mixed if numbers else _mix(mixed)

    def uniform(self, name: str, *numbers: Integers | int) -> Floats:
        """From 0 to 1, 1 excluded."""
        return (self.bits(name, *numbers) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def bell(self, name: str, *numbers: Integers | int) -> Floats:
        """Nearly normal: mean 0, standard deviation 1, never beyond ±3.5. The sum of four uniform numbers."""
        bits = self.bits(name, *numbers)
        total = (bits & _PART) + ((bits >> np.uint64(16)) & _PART)
        total += ((bits >> np.uint64(32)) & _PART) + (bits >> np.uint64(48))
        return (total.astype(np.float64) - 131_070.0) * _SIGMA

    def wander(self, name: str, seconds: Floats | Integers, hours: float, *numbers: Integers | int) -> Floats:
        """A smooth walk around 0: `bell` at every so many hours, joined by a curve without corners."""
        place = np.asarray(seconds, np.float64) / (3600.0 * hours)
        knot = np.floor(place)
        part = place - knot
        blend: Floats = part * part * (3.0 - 2.0 * part)
        at = knot.astype(np.int64)
        before, after = self.bell(name, at, *numbers), self.bell(name, at + 1, *numbers)
        return before + (after - before) * blend


def _mix(value: Bits) -> Bits:
    value = value + _GOLDEN
    value = (value ^ (value >> np.uint64(30))) * _FIRST
    value = (value ^ (value >> np.uint64(27))) * _SECOND
    return value ^ (value >> np.uint64(31))
