"""What the log keeps of MQTT, and how it is used again.

`log` (a span of a Kafka topic, read once), `raw` (every message as it came, for trying sensor types), `redrive` (rejects
through MQTT once more), `commands`. Not here: what writes the log as messages come in (`ingest`), the tables (`storage`).
"""
