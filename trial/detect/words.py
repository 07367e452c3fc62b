"""What `aedilis detect` says at its end."""

from __future__ import annotations

from collections import Counter

from trial.detect.pipeline import Watched
from trial.detect.rows import LINES_TOLD, Rows
from trial.detect.run import Found

_EXAMPLES = 10


def told(rows: Rows, watched: Watched, found: Found, *, examples: bool) -> str:
    """Lines of text: what was read and refused, what watched it, what was found. With `examples` the first anomalies."""
    refused = sum(rows.refused.values())
    missing = int(rows.value.size - (rows.value == rows.value).sum())
    kept = [f"{missing:,} without a value"] if missing else []
    kept += [f"{found.repeated:,} of a time that was there already"] if found.repeated else []
    among = f" (among them {', '.join(kept)})" if kept else ""
    lines = [
        f"{rows.path.name}: {len(rows.states):,} rows = {len(rows):,} scored{among} + {refused:,} refused;"
        f" {len(rows.names):,} series",
        f"watched {watched.what} by {', '.join(watched.detectors) or 'no detector'}",
    ]
    for reason, number in rows.refused.most_common():
        lines.append(f"refused, {reason}: {number:,} row{'s' if number > 1 else ''}")
    lines += [f"  {line}" for line in rows.told]
    if refused > LINES_TOLD:
        lines.append(f"  and {refused - LINES_TOLD:,} more")
    kinds = Counter(one.kind for one in found.anomalies)
    each = ", ".join(f"{kind} {number:,}" for kind, number in kinds.most_common())
    lines.append(f"anomalies: {len(found.anomalies):,}{f' ({each})' if each else ''}")
    if examples:
        lines += [f"  {rows.times.in_words(one.explanation)}" for one in found.anomalies[:_EXAMPLES]]
    return "\n".join(lines)
