"""All Prometheus metrics of all processes, with what they mean. `docs/metrics.md` is checked against this file.

They are for watching only: counts that must add up come from the log and the database (`aedilis counts`).
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

# ingest
MESSAGES = Counter("aedilis_mqtt_messages", "MQTT messages taken, ticks too")
OBSERVATIONS_FRAMED = Counter("aedilis_observations_framed", "Observations in frames handed to Kafka")
REJECTS = Counter("aedilis_rejects", "Messages or values refused", ["reason"])
FRAMES = Counter("aedilis_frames", "Frames handed to Kafka")
INGEST_BACKLOG = Gauge("aedilis_ingest_backlog", "MQTT messages received that the loop of ingest has not yet taken")
MQTT_CONNECTED = Gauge("aedilis_mqtt_connected", "1 while ingest is connected to the MQTT broker")

# streams, every role
RECORDS_APPLIED = Counter("aedilis_records_applied", "Records of the log applied", ["role"])
RECORDS_SKIPPED = Counter(
    "aedilis_records_skipped", "Records below the state's offset, seen again and skipped", ["role"]
)
RECORDS_LOST = Counter("aedilis_records_lost", "Records that retention deleted before they were read", ["role"])
RECORDS_POISON = Counter("aedilis_records_poison", "Records sent to the dead-letter topic", ["role"])
RELOADS = Counter("aedilis_state_reloads", "Times that a partition's state was read again", ["role"])
CHECKPOINTS = Counter("aedilis_checkpoints", "Checkpoints confirmed", ["role"])
CHECKPOINT_BYTES = Counter("aedilis_checkpoint_bytes", "Bytes of state written by checkpoints", ["role"])
PARTITIONS = Gauge("aedilis_partitions", "Partitions that this worker serves", ["role"])
APPLY_SECONDS = Histogram("aedilis_apply_seconds", "Time to apply one batch of records", ["role"])

# detectors, alerts, notifiers
ANOMALIES_OPENED = Counter("aedilis_anomalies_opened", "Anomalies opened", ["kind"])
ALERTS_OPENED = Counter("aedilis_alerts_opened", "Alerts opened", ["severity"])
DELIVERIES = Counter("aedilis_deliveries", "Notifications by outcome", ["notifier", "status"])

# storage
ROWS = Counter("aedilis_rows", "Observations by what the database did with them", ["outcome"])
DATABASE_UP = Gauge("aedilis_database_up", "1 while the last attempt to reach the database succeeded")
