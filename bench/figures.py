"""The figures, as `aedilis bench --json` prints them; docs/outside-names.md explains the keys, a test compares."""

from __future__ import annotations

import msgspec


class Machine(msgspec.Struct, kw_only=True):
    """Where it ran."""

    cores: int
    cpu: str
    memory_bytes: int
    load_average: float
    python: str
    libraries: dict[str, str]
    servers: dict[str, str]
    commit: str


class Throughput(msgspec.Struct, kw_only=True):
    """One load, as fast as the line takes it, from the first packet until all is stored and every detector has seen it."""

    form: str
    in_message: int
    qos: int
    datastreams: int
    published: int
    stored: int
    anomalies: int
    rejects: int
    stored_seconds: float
    seconds: float
    observations_per_s: float
    messages_per_s: float
    cpu_us: dict[str, float]


class Plain(msgspec.Struct, kw_only=True):
    """The same load through a plain Faust app, whose state is in a Faust Table (`table`) or in memory (`dict`)."""

    form: str
    in_message: int
    qos: int
    state: str
    datastreams: int
    published: int
    stored: int
    seconds: float
    observations_per_s: float
    cpu_us: dict[str, float]


class Limit(msgspec.Struct, kw_only=True):
    """What a server could do if it had nothing else to do."""

    what: str
    observations_per_s: float


class Spread(msgspec.Struct, kw_only=True):
    """How long it took, from when each was due."""

    count: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


class Latency(msgspec.Struct, kw_only=True):
    """At a fixed load, every Datastream by the wall clock."""

    form: str
    in_message: int
    qos: int
    datastreams: int
    per_s: float
    drained_per_s: float
    live_per_s: float
    behind: int
    row: Spread
    webhook: Spread
    asked_every_ms: float
    cores: dict[str, float]


class Scale(msgspec.Struct, kw_only=True):
    """The load of fifty in a message, QoS 1, over so many Datastreams."""

    datastreams: int
    observations_per_s: float
    cpu_us: dict[str, float]
    memory_bytes: dict[str, int]
    state_bytes: dict[str, int]


class Takeover(msgspec.Struct, kw_only=True):
    """From the SIGKILL of a detecting worker until all its partitions are served."""

    kills: int
    observations_per_s: float
    session_timeout_s: float
    p50_s: float
    max_s: float


class Report(msgspec.Struct, kw_only=True):
    """All of a run; a section that was not asked for is empty."""

    machine: Machine
    throughput: list[Throughput] = []
    plain: list[Plain] = []
    limits: list[Limit] = []
    latency: list[Latency] = []
    datastreams: list[Scale] = []
    takeover: Takeover | None = None
