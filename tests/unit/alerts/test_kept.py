"""What is kept has a bound: what is done and changed longest ago is forgotten, before and after a restart alike."""

from __future__ import annotations

import msgspec

from alerts.kept import Kept


class Entry(msgspec.Struct):
    """Something that may be done."""

    done: bool = True
    changed: int = 0


def keys(kept: Kept[Entry], names: str) -> str:
    return "".join(name for name in names if kept.get(name) is not None)


def test_the_one_changed_longest_ago_is_forgotten() -> None:
    kept = Kept(Entry, most=3)
    for name in "abca":
        kept.put(name, Entry())
    kept.put("d", Entry())
    assert keys(kept, "abcd") == "acd"


def test_what_is_not_done_stays_whatever_the_bound() -> None:
    kept = Kept(Entry, most=2)
    for name in "abcdefg":
        kept.put(name, Entry(done=name in "efg"))
    assert keys(kept, "abcdefg") == "abcdfg"


def test_a_restart_forgets_the_same_and_a_forgotten_one_does_not_come_back() -> None:
    kept = Kept(Entry, most=30)
    chunks: dict[int, bytes] = {}
    for number in range(30):
        kept.put(str(number), Entry())
    chunks |= kept.changed_chunks(whole=False)
    kept.mark_clean()
    restored = Kept(Entry, most=30)
    restored.restore(chunks)
    for one in (kept, restored):
        one.put("new", Entry())
    chunks |= kept.changed_chunks(whole=False)
    assert restored.changed_chunks(whole=True) == kept.changed_chunks(whole=True)
    again = Kept(Entry, most=30)
    again.restore(chunks)
    assert len(kept) == len(again) == 30
    assert again.get("0") is None
