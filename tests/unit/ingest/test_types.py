"""A new version counts from a round on, and who waits for it is told then."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from aedilis.errors import DeclarationError
from aedilis.settings import Settings
from ingest.types import TypesInForce
from registry.types import Standing
from sensors.compile import CompiledType
from tests.unit.sensors.declaring import declare


def test_before_rounds_begin_a_version_counts_at_once_and_later_between_two() -> None:
    used: list[list[str]] = []

    def use(kinds: Sequence[CompiledType]) -> None:
        used.append([f"{kind.name}@{kind.version}" for kind in kinds])

    async def run() -> None:
        types = TypesInForce(Settings(home=""))
        await types._take("bb", declare(name="bb", version=1))
        await types._take("aa", declare(name="aa", version=1))
        assert [kind.name for kind in types.kinds] == ["aa", "bb"]
        types.between_rounds(use)
        assert not used
        types._waiting = []  # as `open` leaves it
        change = asyncio.create_task(types._take("bb", declare(name="bb", version=2)))
        while not types._waiting:
            await asyncio.sleep(0.001)
        assert not change.done(), "no round has ended"
        types.between_rounds(use)
        await change
        types.between_rounds(use)
        withdrawal = asyncio.create_task(types._take("aa", None))
        await asyncio.sleep(0)
        types.between_rounds(use)
        await withdrawal

    asyncio.run(run())
    assert used == [["aa@1", "bb@2"], ["bb@2"]]


def test_in_force_is_what_this_process_reads_with_and_what_was_withdrawn() -> None:
    async def run() -> None:
        types = TypesInForce(Settings(home=""))
        files = set(types._follower.known.in_force())
        types._follower.known.learn("aa", msgspec.json.encode(Standing(None)))
        types._follower.known.learn("cc", msgspec.json.encode(Standing(3)))  # it refuses it
        await types._take("bb", declare(name="bb", version=1))
        assert files
        assert types.in_force == {"aa": None, "bb": 1}

    asyncio.run(run())


def test_what_cannot_be_compiled_leaves_all_as_it_was() -> None:
    async def run() -> None:
        types = TypesInForce(Settings(home=""))
        await types._take("aa", declare(name="aa", version=1))
        with pytest.raises(DeclarationError):
            await types._take("aa", declare({"name": "x", "unit": "m", "payload_unit": "kg"}, name="aa", version=2))
        assert [kind.version for kind in types.kinds] == [1]

    asyncio.run(run())
