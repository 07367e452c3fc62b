"""Corrections: neither the cut into batches nor a second delivery changes what stands."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from storage.corrections import Content, Instant

contents = st.builds(
    Content,
    st.sampled_from([1.0, 2.0, 3.0, None]),
    st.one_of(st.none(), st.integers(1, 4).map(lambda day: datetime(2026, 1, day, tzinfo=UTC))),
)


def at(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


def after(*contents: Content) -> Instant:
    instant = Instant()
    instant.take(contents)
    return instant


def outcome(instant: Instant) -> tuple[object, set[Content]]:
    return instant.stands, set(instant.revisions)


@given(st.lists(contents, max_size=8), st.data())
def test_what_is_delivered_again_changes_nothing(log: list[Content], data: st.DataObject) -> None:
    killed = data.draw(st.integers(0, len(log)))
    start = data.draw(st.integers(0, killed))
    again = after(*log[:killed], *log[start:killed], *log[killed:])
    assert outcome(again) == outcome(after(*log))
    assert again.duplicates == after(*log).duplicates + killed - start


@given(st.lists(contents, max_size=8))
def test_every_content_is_counted_once(log: list[Content]) -> None:
    found = after(*log)
    assert found.inserted + found.revised + found.duplicates == len(log)
    assert len(found.revisions) == found.revised


def test_the_later_in_the_log_stands_where_no_result_time_is_told() -> None:
    found = after(Content(1.0, None), Content(2.0, None))
    assert outcome(found) == (Content(2.0, None), {Content(1.0, None)})


def test_the_later_result_time_stands_whatever_came_first() -> None:
    late, early = Content(1.0, at(2)), Content(2.0, at(1))
    assert outcome(after(late, early)) == outcome(after(early, late)) == (late, {early})


def test_a_value_may_be_corrected_back() -> None:
    found = after(Content(1.0, at(1)), Content(2.0, at(2)), Content(1.0, at(3)))
    assert found.stands == Content(1.0, at(3))


def test_a_missing_result_is_corrected_by_a_value() -> None:
    assert outcome(after(Content(None, None), Content(5.0, None))) == (Content(5.0, None), {Content(None, None)})
