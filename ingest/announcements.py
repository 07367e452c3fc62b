"""Announcements of devices: the latest of each key, in a compacted topic, so that a restarted process knows what they said.

A format decides what announces and under which key (`Session.keep`): a BIRTH, a discovery message.
"""

from __future__ import annotations

import msgspec

from aedilis.settings import Settings
from aedilis.topics import ANNOUNCEMENTS
from registry.log import read_latest


class Announcement(msgspec.Struct, frozen=True):
    """A message as it came. Topic `announcements`, by `format|key`."""

    topic: str  # without the installation's prefix
    payload: bytes
    received_at: int  # µs UTC


async def read_announcements(settings: Settings) -> list[Announcement]:
    """The latest of each key, in the order in which they came."""
    decode = msgspec.json.Decoder(Announcement).decode
    latest = await read_latest(settings.kafka, settings.topic(ANNOUNCEMENTS.name))
    return [decode(value) for value in latest.values()]
