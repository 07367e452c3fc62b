"""A payload format for tests: the message is a JSON list of records, as a format would make them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from pydantic import BaseModel, ConfigDict

from sensors.declaration import Time
from sensors.format import Decode, FormatExample, Raw, Record, Session, all_formats
from sensors.payload import read_json


class Options(BaseModel):
    """What a type may tell it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    factor: float = 1.0


class Speaking:
    """`{"announce": KEY, "ask": TOPIC}` announces; a list holds records; `value` is multiplied by the option."""

    name = "speaking"
    title = "Records as they are"
    Options: type[BaseModel] = Options
    time: Time | None = Time(field="@time", form="epoch_us", default="received")
    numeric_text = False
    example = FormatExample("s/{agency}/{thing}", "s/demo/t", b"[]", ())

    def decoder(self, options: Options) -> Decode:
        """As told."""

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            content = read_json(raw.payload)
            if isinstance(content, dict):
                session.memory[content["announce"]] = raw.received_at
                session.keep(content["announce"])
                if "ask" in content:
                    session.ask(content["ask"], b"again")
                return []
            for record in content:
                if "value" in record and options.factor != 1.0:
                    record["value"] *= options.factor
                if "knows" in record:
                    record["value"] = session.memory.get(record.pop("knows"), -1)
            return list(content)

        return decode


@pytest.fixture(autouse=True)
def speaking() -> Iterator[None]:
    """The format is among those that are found."""
    all_formats()["speaking"] = Speaking()
    yield
    del all_formats()["speaking"]
