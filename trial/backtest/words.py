"""What a backtest says, for people."""

from __future__ import annotations

from datetime import datetime

from trial.backtest.compare import Difference, Rates, compare, rates
from trial.backtest.watch import Seen
from trial.words import counters, number, row


def told(new: Seen, old: Seen | None, start: datetime, end: datetime) -> str:
    """Lines of text: what the version finds from `start` to `end`, next to what the other one finds."""
    span = round((end - start).total_seconds() * 1e6)
    there = old is not None
    was = old or Seen(new.version, 0)
    head = f"{new.version}" + (f", next to {was.version}" if there else "")
    lines = [f"{head}: {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, {number(new.datastreams)} Datastreams"]
    lines.append(row("observations", new.observations, was.observations, there))
    lines += counters("  ", new.quality, was.quality, there)
    lines.append(row("anomalies", len(new.anomalies), len(was.anomalies), there))
    lines += counters("  ", new.kinds, was.kinds, there)
    lines.append(_speaks(rates(new, span)) + (f" (before: {_speaks(rates(was, span))})" if there else ""))
    lines.append(row("alerts that an operator would see", sum(new.alerts.values()), sum(was.alerts.values()), there))
    lines += counters("  ", new.severities, was.severities, there)
    if old is not None:
        lines += ["", *_difference(compare(old, new), new.version, old.version)]
    return "\n".join(lines)


def _speaks(one: Rates) -> str:
    return f"{one.alarms_a_series_month:.3g} a series-month, {one.time_in_alarm:.2%} of time in alarm"


def _difference(difference: Difference, new: str, old: str) -> list[str]:
    both, gained, lost = difference.both, difference.only_new, difference.only_old
    lines = [
        f"found by both: {number(both.total())}; only by {new}: {number(gained.total())}, only by {old}: {number(lost.total())}"
    ]
    lines += [f"  named otherwise, {name}: {number(count)}" for name, count in difference.named_otherwise.most_common()]
    for whose, counts, examples in (
        (new, gained, difference.new_examples),
        (old, lost, difference.old_examples),
    ):
        for kind, count in counts.most_common():
            lines.append(f"only by {whose}, {kind}: {number(count)}")
            lines += [f"    {one}" for one in examples[kind]]
    return lines
