"""What the topics of the registry say reaches whoever follows them, on a real broker."""

from __future__ import annotations

import asyncio

import pytest

from aedilis.errors import ServerError, TopicError
from aedilis.settings import load
from aedilis.topics import ANNOUNCEMENTS, Topic
from registry.log import Latest
from tests.installation import Installation


def test_the_latest_of_each_key_reaches_who_comes_later_and_who_is_there(module_installation: Installation) -> None:
    settings = module_installation.settings
    told: list[tuple[str, bytes | None]] = []
    heard: list[tuple[str, bytes | None]] = []

    async def run() -> None:
        async with Latest(settings, ANNOUNCEMENTS, lambda key, value: heard.append((key, value))) as early:
            for key, value in (("a", b"1"), ("b", b"1"), ("a", b"2"), ("b", None)):
                await early.put(key, value)
            assert early.values == {"a": b"2"}
            async with Latest(settings, ANNOUNCEMENTS, lambda key, value: told.append((key, value))) as late:
                assert late.values == {"a": b"2"}
                assert told == [("a", b"2")]
                await early.put("c", b"3")
                async with asyncio.timeout(20):
                    while "c" not in late.values:
                        await asyncio.sleep(0.02)

    asyncio.run(run())
    assert heard == [("a", b"1"), ("b", b"1"), ("a", b"2"), ("b", None), ("c", b"3")]
    assert told == [("a", b"2"), ("c", b"3")]


def test_a_topic_or_a_broker_that_is_not_there_is_named(module_installation: Installation) -> None:
    async def no_topic() -> None:
        await Latest(module_installation.settings, Topic("none")).open()

    with pytest.raises(TopicError, match="aedilis topics"):
        asyncio.run(no_topic())
    nowhere = {**module_installation.env, "AEDILIS_KAFKA": "127.0.0.1:1"}

    async def no_broker() -> None:
        await Latest(load(nowhere), ANNOUNCEMENTS).open(patient=False)

    with pytest.raises(ServerError, match=r"127\.0\.0\.1:1"):
        asyncio.run(no_broker())
