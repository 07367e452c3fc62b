"""The raw limits of the servers in the same run: what each could do if it had nothing else to do."""

from __future__ import annotations

from collections.abc import Callable

from bench import broker_limits, copy_limits, log_limits
from bench.figures import Limit
from bench.installation import Servers


def run(servers: Servers, seconds: float, say: Callable[[str], None]) -> list[Limit]:
    """All of them, each for so many seconds."""
    return [limit for part in (broker_limits, log_limits, copy_limits) for limit in part.run(servers, seconds, say)]
