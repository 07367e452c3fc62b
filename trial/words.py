"""What a trial says, for people."""

from __future__ import annotations

from collections.abc import Mapping

from aedilis.units import written
from trial.compare import Difference
from trial.run import Outcome


def told(new: Outcome, old: Outcome | None = None, difference: Difference | None = None) -> str:
    """Lines of text: what came of the messages, next to what the version before made of them."""
    head = f"{new.sensor_type}@{new.version}" + (f", next to @{old.version}" if old else "")
    lines = [f"{head}: {number(new.messages)} messages of {new.days:.2f} days, {len(new.things)} Things"]
    if not new.messages:
        return f"{lines[0]}. No recorded message has a topic of this form."
    was = old or Outcome(new.sensor_type, 0)
    there = old is not None
    lines.append(row("observations", new.observations, was.observations, there))
    for name, count in new.quality.most_common():
        lines.append(row(f"  {name.replace('_', ' ')}", count, was.quality[name], there))
    lines += counters("test ", new.tests, was.tests, there)
    lines += counters("refused whole: ", new.refused, was.refused, there, new.reject_examples)
    lines += counters("reject: ", new.rejects, was.rejects, there, new.reject_examples)
    lines.append("")
    for name, one in new.properties.items():
        unit, mean = written(one.unit), one.mean
        span = (
            "no value"
            if mean is None
            else f"{one.minimum:.6g} to {one.maximum:.6g}{unit and f' {unit}'}, mean {mean:.6g}"
        )
        share = one.good / one.observations if one.observations else 0.0
        lost = f"{one.failed} failed, {one.missing} missing"
        lines.append(f"{name}: {number(one.observations)} observations, {span}, {share:.1%} good, {lost}")
    lines.append("")
    opened = sum(new.alerts.values())
    rate = f", {opened / new.days:.1f} a day" if new.days >= 0.1 else ""
    lines.append(row("alerts", opened, sum(was.alerts.values()), there) + rate)
    lines += counters("anomalies: ", new.anomalies, was.anomalies, there, new.anomaly_examples)
    if difference is not None:
        lines += ["", _changes(difference)]
        lines += [f"  {one}" for one in difference.changed_examples]
        lines += [f"  new Datastream {one}" for one in difference.new_datastreams[:10]]
        lines += [f"  no longer {one}" for one in difference.gone_datastreams[:10]]
    return "\n".join(lines)


def _changes(difference: Difference) -> str:
    return (
        f"of the observations {number(difference.same)} are the same, {number(difference.changed)} have another result,"
        f" {number(difference.only_new)} are new, {number(difference.only_old)} are gone"
    )


def counters(
    head: str,
    counts: Mapping[str, int],
    before: Mapping[str, int],
    there: bool,
    examples: Mapping[str, list[str]] | None = None,
) -> list[str]:
    """A line for each name, those with most first, with its first examples below."""
    lines = []
    for name in sorted({*counts, *before}, key=lambda name: -counts.get(name, 0)):
        lines.append(row(f"{head}{name.replace('_', ' ')}", counts.get(name, 0), before.get(name, 0), there))
        lines += [f"    {one}" for one in (examples or {}).get(name, ())[:2]]
    return lines


def row(what: str, now: int, before: int, there: bool) -> str:
    """A number, and what it was before where it was another."""
    return f"{what}: {number(now)}" + (f" (before: {number(before)})" if there and before != now else "")


def number(value: int) -> str:
    """With thousands parted."""
    return f"{value:,}"
