"""JSON of FIWARE's IoT Agent: an object of measures, or an array of such objects, each with its own `TimeInstant` or none.

On a topic that ends in `/attrs/NAME` the payload is the value alone, JSON or bare text. Results of commands (`/cmdexe`) say
nothing of the city. Source: https://github.com/telefonicaid/iotagent-json (docs/usermanual.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from aedilis.vocabulary import RejectReason
from sensors.declaration import Time
from sensors.format import Decode, FormatExample, NoOptions, Raw, Record, Session, may_pose, unmask
from sensors.payload import Refused, kind, read_json, read_text


class FiwareJson:
    """One record an object; values may be nested."""

    name = "fiware-json"
    title = "FIWARE IoT Agent JSON"
    Options = NoOptions
    time = Time(field="@time", default="received")
    numeric_text = True
    example = FormatExample(
        template="json/{agency}/{thing}/attrs",
        topic="json/demo/station-167/attrs",
        payload=b'[{"t":15,"TimeInstant":"2016-06-13T00:35:30Z"},{"t":"16"}]',
        records=({"t": 15, "@time": "2016-06-13T00:35:30Z"}, {"t": "16"}),
    )

    def decoder(self, options: NoOptions) -> Decode:
        """See the module."""

        def decode(raw: Raw, session: Session) -> Sequence[Record]:
            payload, topic = raw.payload, raw.topic
            if topic.endswith("/cmdexe"):
                return ()
            name = topic.rpartition("/attrs/")[2] if "/attrs/" in topic else ""
            if name and name[0] != "@":
                try:
                    return [{name: read_json(payload)}]
                except Refused:
                    return [{name: read_text(payload)}]
            content = read_json(payload)
            records = content if type(content) is list else [content]
            poses = may_pose(payload)
            for record in records:
                if type(record) is not dict:
                    raise Refused(RejectReason.WRONG_SHAPE, f"expected objects of measures, got {kind(record)}")
                if poses:
                    unmask(record)
                time = record.pop("TimeInstant", None)
                if time is not None:
                    record["@time"] = time
            if not (told := [record for record in records if record]):
                raise Refused(RejectReason.MISSING_FIELD, "expected measures, got none")
            return told

        return decode


FORMAT = FiwareJson()
