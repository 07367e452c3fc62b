"""MQTT bytes in, frames out to Kafka.

In the order of the way: `mqtt` (connection, manual acknowledgement), `reader` (which sensor type reads these bytes,
or why none), `placement` (which partition a Thing lives in), `datastreams` (those seen, and what of them must be
announced), `framer` (columns), `pipeline` (the loop that joins them and acknowledges upstream only after Kafka has
confirmed). Not here: anything that needs history or a database.
"""
