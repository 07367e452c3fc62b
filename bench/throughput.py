"""Observations a second from the first MQTT packet until all are stored and every detector has seen them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from bench.drive import drive, job
from bench.figures import Throughput
from bench.installation import Line, Servers
from bench.packets import FORMS
from bench.progress import LineProgress

Loads = Sequence[tuple[str, int]]
LOADS: Loads = (("hub", 0), ("hub", 1), ("single", 0), ("single", 1), ("records", 1))
"""Form and QoS of each."""
QUICK_LOADS: Loads = (("hub", 1),)
DATASTREAMS = 10_000
WARM_ROUNDS = 3
BOUND = {"hub": 200_000, "records": 200_000, "single": 50_000}
"""Observations published and not yet stored: enough that nothing waits for the load, not so many that a queue fills."""
DAY = 86_400_000_000


def run(
    servers: Servers, loads: Loads, seconds: float, say: Callable[[str], None], *, datastreams: int
) -> list[Throughput]:
    """Each load on a fresh line."""
    figures = []
    for form, qos in loads:
        say(f"throughput: {form}, QoS {qos}")
        with Line(servers) as line:
            figures.append(measure(line, form, qos, datastreams, seconds))
    return figures


def measure(line: Line, form: str, qos: int, datastreams: int, seconds: float) -> Throughput:
    """One load on a line that has not yet seen its Datastreams: they are declared by a first, uncounted part of it."""
    in_message = FORMS[form].in_message
    things = datastreams // in_message
    first = time.time_ns() // 1000 - 2 * DAY
    warm = job(line, form, things, 1, first_time=first, messages=things * WARM_ROUNDS)
    drive(line, warm, LineProgress(line), seconds=120.0, bound=BOUND[form])
    counted = job(line, form, things, qos, first_time=first + WARM_ROUNDS * warm.step)
    done = drive(line, counted, LineProgress(line), seconds=seconds, bound=BOUND[form])
    ((anomalies,),) = line.rows("select count(*) from anomaly")
    ((rejects,),) = line.rows("select coalesce(sum(count), 0)::bigint from reject_group")
    return Throughput(
        form=form,
        in_message=in_message,
        qos=qos,
        datastreams=datastreams,
        published=done.published,
        stored=done.stored,
        anomalies=anomalies,
        rejects=rejects,
        stored_seconds=done.stored_seconds,
        seconds=done.seconds,
        observations_per_s=done.stored / done.seconds,
        messages_per_s=done.stored / done.seconds / in_message,
        cpu_us=done.cpu_us(),
    )
