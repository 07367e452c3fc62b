"""What Kafka's configuration says."""

from __future__ import annotations

from pathlib import Path

from aedilis.settings import Settings
from deploy.kafka import Kafka


def test_configuration(tmp_path: Path) -> None:
    text = Kafka(Settings(home=str(tmp_path), kafka="127.0.0.1:9192")).configuration("127.0.0.1:9999")
    values = dict(line.split("=", 1) for line in text.splitlines())
    assert values["listeners"] == "PLAINTEXT://127.0.0.1:9192,CONTROLLER://127.0.0.1:9999"
    assert values["advertised.listeners"] == "PLAINTEXT://127.0.0.1:9192"
    assert values["controller.quorum.voters"] == "1@127.0.0.1:9999"
    assert values["log.dirs"] == f"{tmp_path}/kafka/logs"
    assert values["auto.create.topics.enable"] == "false"
