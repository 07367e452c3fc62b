"""Who spoke and was not approved, in the compacted topic `waiting`: so many and no more, whoever publishes what.

A Thing is told when it is first heard, then at most once a minute. It leaves when it is approved, and when it has been
silent for as long as its messages are kept.
"""

from __future__ import annotations

import logging

import msgspec

from ingest.mqtt import Message, Share
from registry.things import Key, Stranger, Things, key_of

log = logging.getLogger(__name__)

MOST = 10_000
"""Things that are listed; further ones wait unseen, their messages in quarantine like those of the others."""
AGAIN = 60_000_000
SILENT = 7 * 86_400_000_000
"""µs; rejects are kept for a week."""
TOGETHER = 1_000


class WaitingBook:
    """That of one ingest process. What other processes wrote it leaves alone."""

    def __init__(self, things: Things, share: Share) -> None:
        self._things = things
        self._share = share
        self._strangers: dict[Key, Stranger] = {}
        self._told: dict[Key, int] = {}
        self._turned_away = 0
        self._looked = 0

    def adopt(self) -> None:
        """Take over those that were written before and are this process's to hear."""
        for one in self._things.strangers(all_of_them=True):
            if self._share.holds(one.topic):
                self._strangers[one.agency, one.thing] = one
                self._told[one.agency, one.thing] = one.last_at

    def note(self, agency: str, thing: str, sensor_type: str, message: Message) -> None:
        """A message came of a Thing that is not approved."""
        key, now = (agency, thing), message.received_at
        known = self._strangers.get(key) or self._things.stranger(agency, thing)
        if known is None:
            if len(self._strangers) >= MOST:
                if self._turned_away == 0:
                    log.warning("%d Things wait for approval; further ones are not listed", MOST)
                self._turned_away += 1
                return
            known = Stranger(agency, thing, sensor_type, message.topic.decode(errors="replace")[:500], now, now, 0)
        self._strangers[key] = msgspec.structs.replace(known, last_at=now, messages=known.messages + 1)

    def due(self, now: int) -> list[tuple[str, bytes | None]]:
        """Records to write at this time (µs): who is new or has gone on speaking, and None for who left."""
        if now - self._looked < 1_000_000:
            return []
        self._looked = now
        records: list[tuple[str, bytes | None]] = []
        for (agency, thing), one in list(self._strangers.items()):
            key = agency, thing
            if self._things.get(agency, thing).approved or now - one.last_at > SILENT:
                records.append((key_of(agency, thing), None))
                del self._strangers[key]
                self._told.pop(key, None)
                self._turned_away = 0
            elif one.last_at != self._told.get(key) and now - self._told.get(key, -AGAIN) >= AGAIN:
                records.append((key_of(agency, thing), msgspec.json.encode(one)))
                self._told[key] = one.last_at
            if len(records) >= TOGETHER:
                break
        return records
