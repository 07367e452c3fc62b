"""The stream processors: Faust apps that read a topic, apply each record once, and write what follows from it.

One file a step: `app` makes the Faust app of a role, `partition` holds the rule of order (each record once, in
order, whatever the consumer does), `checkpoint` keeps state in compacted topics, and a file for each role
(`detect`, `store`, `alert`, `notify`). This is the only room that imports faust. Not here: SQL, detection
algorithms, the alert state machine.
"""
