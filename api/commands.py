"""`aedilis api`."""

from __future__ import annotations

import click

from aedilis import logs
from aedilis.settings import load


@click.command()
def api() -> None:
    """Serve the pages and the HTTP interface until SIGTERM or Ctrl-C."""
    import uvicorn

    from api.app import make_app

    logs.setup("api")
    settings = load()
    host, _, port = settings.api.rpartition(":")
    uvicorn.run(
        make_app(settings),
        host=host,
        port=int(port),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,  # an open event stream would hold it for ever
        server_header=False,
    )
