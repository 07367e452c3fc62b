"""Two versions side by side: which observations only one of them gives, and which differ."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trial.run import Outcome

_EXAMPLES = 5


class Difference(NamedTuple):
    """What the newer version changes; numbers are of observations."""

    same: int
    changed: int  # both give it, with another result
    only_new: int
    only_old: int
    changed_examples: tuple[str, ...]  # `Thing · Datastream: old → new`
    new_datastreams: tuple[str, ...]
    gone_datastreams: tuple[str, ...]


def compare(old: Outcome, new: Outcome) -> Difference:
    """What `new` does otherwise than `old`, over the same messages. Of one instant the last result counts."""
    a, b = _last(old), _last(new)
    both, i, j = np.intersect1d(_keys(a), _keys(b), assume_unique=True, return_indices=True)
    before, after = a["result"][i], b["result"][j]
    differs = (before != after) & ~(np.isnan(before) & np.isnan(after))
    where = np.flatnonzero(differs)
    names = {**old.names, **new.names}
    ids = b["datastream"][j]
    examples = [f"{names[int(ids[k])]}: {before[k]:g} → {after[k]:g}" for k in where[:_EXAMPLES]]
    return Difference(
        same=len(both) - len(where),
        changed=len(where),
        only_new=len(b) - len(both),
        only_old=len(a) - len(both),
        changed_examples=tuple(examples),
        new_datastreams=tuple(sorted(new.names[k] for k in new.names.keys() - old.names.keys())),
        gone_datastreams=tuple(sorted(old.names[k] for k in old.names.keys() - new.names.keys())),
    )


_ROW = np.dtype([("datastream", "<i8"), ("time", "<i8"), ("result", "<f8")])


def _last(outcome: Outcome) -> npt.NDArray[np.void]:
    """All observations by key, of each the one that came last."""
    rows = np.empty(sum(len(ids) for ids, _, _ in outcome.values), _ROW)
    start = 0
    for ids, times, results in outcome.values:
        part = rows[start : start + len(ids)]
        part["datastream"], part["time"], part["result"] = ids, times, results
        start += len(ids)
    order = np.lexsort((np.arange(len(rows)), rows["time"], rows["datastream"]))
    rows = rows[order]
    keep = np.ones(len(rows), bool)
    keep[:-1] = (rows["datastream"][1:] != rows["datastream"][:-1]) | (rows["time"][1:] != rows["time"][:-1])
    return rows[keep]


def _keys(rows: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    return np.ascontiguousarray(np.stack([rows["datastream"], rows["time"]], axis=1)).view("i8,i8").reshape(-1)
