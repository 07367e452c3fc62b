"""All queries, a file a subject; `-- name: x` begins one, the comment lines below describe it."""
