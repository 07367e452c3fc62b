"""Things, Datastreams, Anomalies, Alerts, Rejects: the records that travel between rooms.

The words are those of OGC SensorThings 1.1; our own are in `docs/glossary.md`. All times are int64 microseconds
since 1970 UTC unless a name says otherwise. On the wire the records are JSON (msgspec); no Python path is in it.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag, StrEnum

import msgspec

ROLES = ("detect", "store", "alert", "notify")
"""What a worker does. Each is a file of `streams` and a process of its own."""


class Quality(IntEnum):
    """QARTOD flags; `standards.md` of the design and ioos/ioos_qc are the source."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


class Test(IntFlag):
    """One bit for each quality test that spoke against an observation."""

    __test__ = False  # not a test case, whatever pytest thinks of its name

    NONE = 0
    LOCATION = 1
    GROSS_RANGE = 2
    RATE_OF_CHANGE = 4
    SPIKE = 8
    FLAT_LINE = 16
    CLIMATOLOGY = 32
    ATTENUATED = 64
    GAP = 128
    NEIGHBOUR = 256
    SENTINEL = 512
    AMBIGUOUS_TIME = 1024  # a local time that stands twice, or never, when clocks are changed


class Severity(StrEnum):
    """How bad; the pages give each a colour, a shape and a word."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    NOTICE = "notice"


class Scope(StrEnum):
    """Whom a finding is about."""

    DATASTREAM = "datastream"
    THING = "thing"  # a Thing as a whole
    ZONE = "zone"  # one column of a zone: the Datastreams of one name there


class Clock(StrEnum):
    """Which clock tells that a Datastream of an agency is silent."""

    WALL = "wall"  # the ticks of ingest
    DATA = "data"  # the newest times of its zone: replays and simulations


class AlertStatus(StrEnum):
    """Where an Alert stands."""

    OPEN = "open"
    RESOLVED = "resolved"


class RejectReason(StrEnum):
    """Why bytes were refused. Each is a label of the metric and a row of the accounting page."""

    UNKNOWN_TOPIC = "unknown_topic"  # no sensor type declares a topic of this form
    TOO_LARGE = "too_large"  # the message is longer than AEDILIS_MAX_MESSAGE_BYTES
    INVALID_UTF8 = "invalid_utf8"  # the payload, or the topic, is not UTF-8
    INVALID_JSON = "invalid_json"  # truncated, nested too deep, or no JSON at all
    WRONG_SHAPE = "wrong_shape"  # JSON, but not the object that the type declares
    MISSING_FIELD = "missing_field"  # a field that the type requires is not there
    NO_TIME = "no_time"  # the time is missing or cannot be read
    TIME_OUT_OF_RANGE = "time_out_of_range"  # before 1970 or further ahead than the type allows
    NOT_A_NUMBER = "not_a_number"  # text, NaN or infinity where a number is declared
    UNKNOWN_CATEGORY = "unknown_category"  # a word that the type's table does not know
    UNKNOWN_FIELD = "unknown_field"  # a field that the type does not declare
    NOT_ANNOUNCED = "not_announced"  # no announcement was seen that tells how to read it
    NOT_APPROVED = "not_approved"  # its Thing waits to be approved
    INVALID_PAYLOAD = "invalid_payload"  # no valid message of the type's payload format
    BAD_CHECKSUM = "bad_checksum"  # it was damaged on its way
    RETAINED_WITHOUT_TIME = "retained_without_time"  # the broker kept it for who knows how long
    UNKNOWN_UNIT = "unknown_unit"  # it names a unit that is none, or of another quantity than the type's
    EXPRESSION_FAILED = "expression_failed"  # the type's expression gives no number for these values
    REFUSED_DATASTREAM = "refused_datastream"  # the tables know its identity under other names or in another unit
    DECODER_FAILED = "decoder_failed"  # a fault of ours: the bytes are kept so that they can be sent again


class Location(msgspec.Struct, frozen=True):
    """WGS 84, degrees."""

    longitude: float
    latitude: float


class Thing(msgspec.Struct, frozen=True):
    """A station, a stall's scale, a price board. Key of the compacted topic `things`, and its placement."""

    id: int
    agency: str
    name: str
    zone: str  # neighbours: one zone lives in one partition
    partition: int
    clock: Clock = Clock.WALL
    location: Location | None = None
    title: str = ""  # what people call it; the name is its identity
    since: int | None = (
        None  # event time from which it is in this zone and at this Location; None: since its first word
    )


class Datastream(msgspec.Struct, frozen=True):
    """One Thing, one ObservedProperty, one SensorType, one unit: a series, an ordering key, a line of a chart."""

    id: int
    thing: Thing
    name: str
    observed_property: str
    unit: str  # UCUM
    sensor_type: str
    sensor_version: int
    interval: int  # µs between two observations, as declared


class FrameCounts(msgspec.Struct, frozen=True):
    """What one ingest process has done since it started, up to and with the frame that carries it.

    `messages` = messages that gave observations + `messages_rejected`;
    `published` = observations framed, over all partitions + `observations_rejected`.
    `framed` and `missing` are of the frame's own partition: whatever frames a killed process left behind, they add up.
    """

    messages: int = 0
    messages_rejected: int = 0
    published: int = 0
    observations_rejected: int = 0
    framed: int = 0  # observations framed in this partition, with this frame
    missing: int = 0  # of those, the ones without a result


class FrameHeader(msgspec.Struct, frozen=True):
    """The metadata of a frame. `tick` (µs) is the wall clock when ingest stood at the end of its backlog."""

    process: str  # name and start of the ingest process: ingest-<agencies>-<µs since 1970 as 16 hex digits>
    sequence: int  # of this process in this partition, from 1
    counts: FrameCounts
    datastreams: tuple[Datastream, ...] = ()  # those not yet announced by this process in this partition
    tick: int | None = None
    closing: bool = False  # the last frame that the process sends to this partition
    in_force: dict[str, int | None] = {}
    """Sensor type → the version that the process reads with from this frame on, None where the type is withdrawn; told in
    its first frame to each partition and after each change."""
    traceparent: str | None = None


class Revision(msgspec.Struct, frozen=True, order=True):
    """Orders the changes of one record. Readers ignore what is not newer than what they have seen."""

    event_time: int
    sequence: int


class Evidence(msgspec.Struct, frozen=True):
    """What spoke for a finding: `share` of all that did, 0 to 1; the shares of a finding make 1."""

    name: str
    share: float


class Anomaly(msgspec.Struct, frozen=True):
    """An interval in which something is not as expected of a Datastream, a Thing or a zone. Topic `anomalies`, one record
    a change."""

    id: int
    revision: Revision
    scope: Scope
    subject: int  # identity of the Datastream, of the Thing, or of the zone's column
    datastream: int | None  # None: it is about more than one
    agency: str
    thing: str  # * for a zone
    datastream_name: str  # * for a Thing as a whole
    zone: str
    kind: str  # range, stuck, spike, gap, …
    detector: str
    severity: Severity
    starts_at: int
    detected_at: int
    ends_at: int | None
    score: float
    result: float | None
    expected_low: float | None
    expected_high: float | None
    unit: str
    explanation: str  # English
    ingested_at: int  # when the frame that showed the change came in: the log's clock, the same in every replay
    explanation_zh: str = ""  # Chinese
    evidence: tuple[Evidence, ...] = ()  # the strongest first; as it was when it opened
    facts: dict[str, float] = {}  # numbers told with it, such as where a plume comes from; the name ends with the unit


class Alert(msgspec.Struct, frozen=True):
    """What an operator handles. Topic `alerts`, one record a change."""

    id: int
    revision: Revision
    key: str  # subject|kind: at most one open alert for each
    status: AlertStatus
    severity: Severity
    scope: Scope
    subject: int  # as that of its anomalies
    agency: str
    thing: str  # * for a zone
    datastream: int | None  # None: it is about more than one
    datastream_name: str  # * for a Thing as a whole
    zone: str
    kind: str
    opened_at: int  # event time
    resolved_at: int | None
    anomalies: tuple[int, ...]
    summary: str
    historic: bool  # more than an hour old when it came in: stored, not notified


class Problem(msgspec.Struct, frozen=True):
    """Why a message, or a part of it, was refused."""

    reason: RejectReason
    detail: str
    path: str | None = None  # in the payload; None: the whole message
    count: int = 1  # values refused so; more than 1 where further ones are not told one by one


class Reject(msgspec.Struct, frozen=True):
    """A message of which something was refused, with all that is wrong with it. Topic `rejects`, one record a message."""

    process: str
    topic: str  # without the installation's prefix
    payload: bytes  # whole, unless it is longer than AEDILIS_MAX_MESSAGE_BYTES
    payload_size: int
    received_at: int
    problems: tuple[Problem, ...]  # at least one
    whole: bool  # refused as one, its content is not known; else its problems are of single values
    sensor_type: str | None = None
    retained: bool = False  # the broker had kept it

    @property
    def reason(self) -> RejectReason:
        """Of its first problem: that of its group."""
        return self.problems[0].reason

    @property
    def observations(self) -> int:
        """Values refused; 0 for a whole message, whose content is not known."""
        return 0 if self.whole else sum(problem.count for problem in self.problems)


class Redriven(msgspec.Struct, frozen=True):
    """What became of a reject that was sent again. Topic `redriven`; its key is run, partition and offset."""

    run: str
    partition: int  # where the Reject stands in the topic `rejects`
    offset: int
    process: str
    observations: int  # framed; those that are stored already become duplicates
    finished_at: int  # wall clock
    problems: tuple[Problem, ...] = ()  # none: it was read well, and no longer stands in quarantine
    whole: bool = False
    sensor_type: str | None = None


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """A reject on its way through MQTT once more. msgpack; anybody may publish one, so it is read with suspicion."""

    topic: str  # without the installation's prefix
    payload: bytes
    received_at: int  # when it came in for the first time
    partition: int  # where the Reject stands in the topic `rejects`
    offset: int
    run: str
    retained: bool = False


class Delivery(msgspec.Struct, frozen=True):
    """The outcome of one notification. Topic `deliveries`; `id` is the idempotency key."""

    id: str  # {notifier}-{alert id}-{revision}
    alert: int
    notifier: str
    target: str
    status: str  # delivered, failed, skipped
    reason: str
    attempts: int
    finished_at: int  # wall clock


class DeadLetter(msgspec.Struct, frozen=True):
    """A record of the log that a role can never apply, or from which on retention took some. Topic `dead-letters`."""

    topic: str
    partition: int
    offset: int
    role: str
    reason: str
    value: bytes
    lost_records: int = 0  # deleted before the role had read them, from `offset` on
