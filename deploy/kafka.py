"""Apache Kafka: one process, broker and controller (KRaft).

The controller's port may change from one start to the next: with a static quorum of one, the address stands in the
configuration alone, and the log knows the voter by its number.
"""

from __future__ import annotations

import shutil
import struct
import uuid

from aedilis.settings import Settings
from deploy import fetch
from deploy.choices import controller_address
from deploy.probe import answer
from deploy.process import Guarded

_MIB = 1024 * 1024


class Kafka:
    """The broker of one installation."""

    name = "kafka"

    def __init__(self, settings: Settings) -> None:
        self.address = settings.kafka
        self._settings = settings
        self._folder = settings.home_path / "kafka"

    def configuration(self, controller: str) -> str:
        """The text of `server.properties`; `controller` is host:port."""
        values = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self._folder / "logs"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "8",
            "offsets.topic.segment.bytes": str(8 * _MIB),
            "metadata.log.segment.bytes": str(16 * _MIB),
            "metadata.max.retention.bytes": str(64 * _MIB),
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "message.max.bytes": str(16 * _MIB),
            "replica.fetch.max.bytes": str(16 * _MIB),
            "log.retention.check.interval.ms": "30000",
            "log.cleaner.dedupe.buffer.size": str(16 * _MIB),
            "num.network.threads": "2",
            "num.io.threads": "4",
        }
        return "".join(f"{name}={value}\n" for name, value in values.items())

    def prepare(self) -> Guarded:
        """Write the configuration and format the log folder once."""
        libs = fetch.kafka() / "libs"
        java = fetch.need("java", "openjdk-17-jre-headless")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        configuration = self._folder / "server.properties"
        configuration.write_text(self.configuration(controller_address(self._settings.home_path)))
        logging = self._folder / "log4j2.properties"
        logging.write_text(_LOGGING)
        # one level of compilation: records pass through uncopied, so the second earns nothing, and it takes longer to
        # compile than to start (processor seconds measured: start 1.9 instead of 3.4, 360 MB taken 1.0 instead of 1.9)
        command = [java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        command += [f"-Dlog4j2.configurationFile={logging}", "-cp", f"{libs}/*"]
        if not (self._folder / "logs" / "meta.properties").exists():
            formatting = [*command, "kafka.tools.StorageTool", "format", "-t", uuid.uuid4().hex[:22]]
            formatting += ["-c", str(configuration)]
            fetch.run(formatting, "kafka", "aedilis servers reset")
        log = self._settings.home_path / "logs" / "kafka.log"
        return Guarded(self.name, [*command, "kafka.Kafka", str(configuration)], log, grace=20)

    def finish(self) -> None:
        """Nothing to do."""

    def answers(self) -> bool:
        """Whether it says which versions of the protocol it knows."""
        # length, key (ApiVersions), version, correlation id, no client id
        return answer(self.address, struct.pack(">ihhih", 10, 18, 0, 1, -1))

    def empty(self) -> None:
        """Delete all topics."""
        shutil.rmtree(self._folder, ignore_errors=True)


_LOGGING = """appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""
