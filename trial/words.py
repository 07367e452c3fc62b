"""What a trial says, for people."""

from __future__ import annotations

from collections.abc import Mapping

from aedilis.units import written
from trial.compare import Difference
from trial.run import Outcome


def told(new: Outcome, old: Outcome | None = None, difference: Difference | None = None) -> str:
    """Lines of text: what came of the messages, next to what the version before made of them."""
    head = f"{new.sensor_type}@{new.version}" + (f", next to @{old.version}" if old else "")
    lines = [f"{head}: {_number(new.messages)} messages of {new.days:.2f} days, {len(new.things)} Things"]
    if not new.messages:
        return f"{lines[0]}. No recorded message has a topic of this form."
    lines.append(_row("observations", new.observations, old and old.observations))
    for name, count in new.quality.most_common():
        lines.append(_row(f"  {name.replace('_', ' ')}", count, old and old.quality[name]))
    lines += _counters("test ", new.tests, old and old.tests)
    lines += _counters("refused whole: ", new.refused, old and old.refused, new.reject_examples)
    lines += _counters("reject: ", new.rejects, old and old.rejects, new.reject_examples)
    lines.append("")
    for name, one in new.properties.items():
        unit = written(one.unit)
        span = (
            f"{one.minimum:.6g} to {one.maximum:.6g} {unit}, mean {one.mean:.6g}"
            if one.mean is not None
            else "no value"
        )
        share = one.good / one.observations if one.observations else 0.0
        lines.append(
            f"{name}: {_number(one.observations)} observations, {span}, {share:.1%} good, {one.missing} missing"
        )
    lines.append("")
    opened, before = sum(new.alerts.values()), sum(old.alerts.values()) if old else None
    lines.append(_row("alerts", opened, before) + (f", {opened / new.days:.1f} a day" if new.days >= 0.1 else ""))
    lines += _counters("anomalies: ", new.anomalies, old and old.anomalies, new.anomaly_examples)
    if difference is not None:
        lines += ["", _changes(difference)]
        lines += [f"  {one}" for one in difference.changed_examples]
        lines += [f"  new Datastream {one}" for one in difference.new_datastreams[:10]]
        lines += [f"  no longer {one}" for one in difference.gone_datastreams[:10]]
    return "\n".join(lines)


def _changes(difference: Difference) -> str:
    return (
        f"of the observations {_number(difference.same)} are the same, {_number(difference.changed)} have another result,"
        f" {_number(difference.only_new)} are new, {_number(difference.only_old)} are gone"
    )


def _counters(
    head: str,
    counts: Mapping[str, int],
    before: Mapping[str, int] | None,
    examples: Mapping[str, list[str]] | None = None,
) -> list[str]:
    lines = []
    for name in sorted({*counts, *(before or ())}, key=lambda name: -counts.get(name, 0)):
        lines.append(_row(f"{head}{name.replace('_', ' ')}", counts.get(name, 0), before and before.get(name, 0)))
        lines += [f"    {one}" for one in (examples or {}).get(name, ())[:2]]
    return lines


def _row(what: str, now: int, before: int | None) -> str:
    was = f" (before: {_number(before)})" if before is not None and before != now else ""
    return f"{what}: {_number(now)}{was}"


def _number(value: int) -> str:
    return f"{value:,}"
