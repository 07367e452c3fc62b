"""HTTP: pages, JSON, live events. Reads storage, writes nothing but sessions.

`app` is the table of routes, a file a subject beside it; `templates/` and `static/` are what the browser gets.
"""
