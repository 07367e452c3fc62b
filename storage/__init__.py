"""TimescaleDB: schema, writers, queries. The only room that imports psycopg.

`migrations/` is the schema, `sql/` holds every query by name, `writer` puts the records of the log into tables in
one transaction with the offset, `rollup` keeps the hours, `queries` reads for the pages, `counts` checks the sums.
Not here: decisions about what an observation means.
"""
