"""What a sensor type would do, before it counts.

`traffic` brings recorded messages, `run` reads them with one version of a type as ingest would and watches them as the
workers would, `compare` sets two versions side by side, `words` says it; `commands` are `aedilis types infer` and `try`.
Nothing here writes to a broker or a table, and no checkpoint is touched.
"""
