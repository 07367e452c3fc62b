"""Reads the messages of a topic whose bytes a format turns into records, and gives each record to its Thing.

Who a record is of, the type says for all of a topic (`thing.name`), or a path into the record (`thing.name_from`), or the
format, with `@thing`; else the topic's `{thing}` is it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from aedilis.vocabulary import RejectReason
from sensors.batch import Batch, Channels
from sensors.device import NOWHERE, Device, Problem, not_approved
from sensors.format import Memory, Raw, Record
from sensors.paths import show
from sensors.payload import Refused, kind, read_name
from sensors.template import Fields

if TYPE_CHECKING:
    from sensors.compile import CompiledType

_REASONS = frozenset(RejectReason)


class Gateway:
    """Of one topic; the devices behind it may be behind others too."""

    def __init__(
        self,
        compiled: CompiledType,
        topic: str,
        fields: Fields,
        agency: str,
        thing: str | None,
        always: bool,
        channels: Channels,
        memory: Memory,
    ) -> None:
        """`thing` is who a record is of that does not say it; `always`: whatever it says."""
        self._touched: dict[str, Device] = {}
        self._kind = compiled
        self._topic = topic
        self._fields = fields
        self._agency = agency
        self._thing = thing
        self._always = always
        self._channels = channels
        self._memory = memory

    @property
    def touched(self) -> Collection[Device]:
        """The Things of its last message."""
        return self._touched.values()

    def read(self, payload: bytes, received_at: int, batch: Batch, retained: bool = False) -> list[Problem]:
        """Add what a message holds that came in at `received_at` (µs UTC); what of it cannot be used is returned. A
        `retained` one is a copy that the broker kept.

        Raises:
            Refused: nothing of it can be used; the batch is as before.
        """
        self._touched = {}
        records = self.decode(payload, received_at, retained)
        problems: list[Problem] = []
        take = self._take if self._kind.records_key is None else self._take_listed
        for index, record in enumerate(records):
            root = f"$[{index}]" if len(records) > 1 else "$"
            if self._kind.format_speaks and (fault := record.pop("@fault", None)) is not None:
                problems.append(_fault(fault))
                if all(key[:1] == "@" for key in record):
                    continue
            try:
                take(record, root, received_at, batch, retained, problems)
            except Refused as refused:
                if len(records) == 1 and not problems:
                    raise
                problems.append((refused.reason, refused.detail, root))
        return problems

    def decode(self, payload: bytes, received_at: int, retained: bool = False) -> Sequence[Record]:
        """The records of a message; the format learns what it announces.

        Raises:
            Refused: it is none of the format.
        """
        raw = Raw(payload, self._topic, self._fields, received_at, retained)
        return self._kind.decode_records(raw, self._memory)

    def _take_listed(
        self,
        record: dict[str, Any],
        root: str,
        received_at: int,
        batch: Batch,
        retained: bool,
        problems: list[Problem],
    ) -> None:
        """Take a record that lists others: whole, or one by one where each of them names its Thing."""
        form = self._kind
        if form.records_key is None or form.name_of is None or form.name_of(record) is not None:
            self._take(record, root, received_at, batch, retained, problems)
            return
        below = show(form.records_key, root)
        for index, one in enumerate(form.records_of(record, root, problems)):
            at = f"{below}[{index}]"
            try:
                self._take(one, at, received_at, batch, retained, problems, listed=True)
            except Refused as refused:
                problems.append((refused.reason, refused.detail, at))

    def _take(
        self,
        content: Any,
        root: str,
        received_at: int,
        batch: Batch,
        retained: bool,
        problems: list[Problem],
        listed: bool = False,
    ) -> None:
        if type(content) is not dict:
            raise Refused(RejectReason.WRONG_SHAPE, f"expected an object, got {kind(content)}")
        name = self._name(content)
        known, key = self._channels.devices, (self._kind, self._agency, name)
        remembered = known.get(key)
        if self._channels.admits is not None:
            asked = remembered or Device(self._kind, self._agency, name, self._channels)
            if not self._channels.admits(asked):
                raise Refused(RejectReason.NOT_APPROVED, not_approved(asked))
        if remembered is not None and not self._touched:  # the first record of a message, as nearly all are
            self._touched = {name: remembered}
            try:
                remembered.take(content, root, False, received_at, batch, retained, problems, listed)
            except Refused:
                self._touched = {}
                raise
            return
        earlier = self._touched.get(name)
        device = earlier or remembered or Device(self._kind, self._agency, name, self._channels)
        said = NOWHERE if earlier is None else earlier.place
        before = len(batch.channel)
        self._touched[name] = device  # before it is read: should it fail, its channels may be there already
        try:
            device.take(content, root, False, received_at, batch, retained, problems, listed)
        except Refused:
            if earlier is None:
                del self._touched[name]
            raise
        if said != NOWHERE:
            device.keep_place(said)
        if len(batch.channel) > before:
            known[key] = device  # who never gives an observation is not remembered

    def _name(self, content: dict[str, Any]) -> str:
        if self._always and self._thing is not None:
            return self._thing
        name_of = self._kind.name_of
        name = content.get("@thing") if name_of is None else name_of(content)
        if name is None and name_of is None:
            name = self._thing
        if name is None or name == "":
            path = self._kind.declared.thing.name_from
            where = "in the message" if path is None else f"at {show(path)}"
            raise Refused(RejectReason.MISSING_FIELD, f"expected the name of the Thing {where}")
        if type(name) is int:
            name = str(name) if abs(name) < 10**18 else name
        if not isinstance(name, str):
            raise Refused(RejectReason.WRONG_SHAPE, f"expected the name of the Thing as text, got {kind(name)}")
        return read_name(name, "name of the Thing", encoded=False)


def _fault(said: str) -> Problem:
    """What a format cannot read: it may begin with the reason, as in `bad_checksum: expected 4380, got 4381`."""
    reason, colon, detail = said.partition(": ")
    if colon and reason in _REASONS:
        return RejectReason(reason), detail, None
    return RejectReason.WRONG_SHAPE, said, None
